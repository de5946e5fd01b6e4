import { z } from 'zod';
import { AggregatorSchema, ConcurrencyPolicySchema } from './aggregator-schema.ts';
import { SCHEDULE_NAME, TIME_ZONE, UNIX_CRON } from './cron.ts';
import { textField } from './fields.ts';
import { DNS_LABEL } from './kubernetes-syntax.ts';
import { ListSchema, RoundSchema } from './rounds-schema.ts';
import { CheckSecretSchema } from './secret-fields.ts';
import { FleaSchema, RepositorySchema } from './service-schema.ts';

export const ScheduleSchema = z.strictObject({
  name: textField(SCHEDULE_NAME),
  cron: textField(UNIX_CRON),
  timeZone: textField(TIME_ZONE).optional(),
  concurrencyPolicy: ConcurrencyPolicySchema.optional(),
});

// Each is compared with each.
const MAX_ENTRIES = 100;

/** The chart's values document with our extensions, as it is written. */
export const ValuesSchema = z.strictObject({
  namespace: textField(DNS_LABEL).optional(),
  checkSecrets: z.array(CheckSecretSchema).optional(),
  repository: RepositorySchema.optional(),
  flea: FleaSchema.optional(),
  aggregator: AggregatorSchema.optional(),
  rounds: z.array(RoundSchema).max(MAX_ENTRIES).optional(),
  lists: z.array(ListSchema).max(MAX_ENTRIES).optional(),
  schedules: z.array(ScheduleSchema).max(MAX_ENTRIES).optional(),
  // helm hands this to every chart; it means nothing here.
  global: z.record(z.string(), z.unknown()).optional(),
});

export type ScheduleValues = z.infer<typeof ScheduleSchema>;
export type ValuesInput = z.infer<typeof ValuesSchema>;

/** The JSON Schema (draft 2020-12) of a values document. The rules between fields (`contradictions.ts`) are not in it. */
export function valuesJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(ValuesSchema, { io: 'input', target: 'draft-2020-12' }),
    title: 'Values of tensorio-trigger',
  };
}
