import * as z from 'zod';
import { AggregatorSchema, ConcurrencyPolicySchema } from './aggregator-schema.ts';
import { SCHEDULE_NAME, TIME_ZONE, UNIX_CRON } from './cron.ts';
import { textField } from './fields.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { DNS_LABEL } from './kubernetes-syntax.ts';
import { ListSchema, RoundSchema } from './rounds-schema.ts';
import { CheckSecretSchema } from './secret-fields.ts';
import { FleaSchema, RepositorySchema } from './service-schema.ts';

// Each entry is compared with every other one.
const MAX_ENTRIES = 100;

const ScheduleSchema = z.strictObject({
  name: textField(SCHEDULE_NAME).describe('Id of the Cloud Scheduler job that runs the schedule.'),
  cron: textField(UNIX_CRON).describe('Time of the runs in unix-cron format.'),
  timeZone: textField(TIME_ZONE).optional().describe('IANA time zone of the schedule. Default: UTC.'),
  concurrencyPolicy: ConcurrencyPolicySchema.optional().describe(
    'What to do while an earlier run of the schedule is active, as for a Kubernetes CronJob. Default: Allow.',
  ),
});

const chartName = textField(DNS_LABEL).optional();

/** The chart's values document with our extensions, as written. */
export const ValuesSchema = z.strictObject({
  namespace: textField(DNS_LABEL).optional().describe('Namespace of all objects. Default: the NAMESPACE variable.'),
  nameOverride: chartName.describe(
    'Replaces tensorio-models in the names of Services and in labels, as in the chart. Cannot change after the first deploy.',
  ),
  fullnameOverride: chartName.describe('Replaces the first part of the names of Services, as in the chart.'),
  checkSecrets: z
    .array(CheckSecretSchema)
    .optional()
    .describe('Secrets that must exist, with the given keys, before anything is written.'),
  repository: RepositorySchema.optional().describe('The model repository.'),
  flea: FleaSchema.optional().describe('The task server.'),
  aggregator: AggregatorSchema.optional().describe('The aggregation Job.'),
  rounds: z
    .array(RoundSchema)
    .max(MAX_ENTRIES)
    .optional()
    .describe('Aggregations that start when enough updates were uploaded.'),
  lists: z
    .array(ListSchema)
    .max(MAX_ENTRIES)
    .optional()
    .describe('Aggregations that start when a checkpoint list is uploaded.'),
  schedules: z.array(ScheduleSchema).max(MAX_ENTRIES).optional().describe('Aggregations that start at given times.'),
  global: z.record(z.string(), z.unknown()).optional().describe('Ignored. helm passes this section to every chart.'),
});

export type ValuesInput = z.infer<typeof ValuesSchema>;
export type ScheduleValues = z.infer<typeof ScheduleSchema>;

type Path = readonly PropertyKey[];

let built: JsonObject | undefined;

const SECTIONS: readonly Path[] = [
  [],
  ['aggregator'],
  ['repository'],
  ['repository', 'deployment'],
  ['repository', 'service'],
  ['flea'],
  ['flea', 'deployment'],
  ['flea', 'service'],
  ['rounds', 0],
  ['lists', 0],
  ['schedules', 0],
];

/** The JSON Schema (draft 2020-12) of a values document. It does not contain the rules between fields (`contradictions.ts`). */
export function valuesJsonSchema(): JsonObject {
  const schema = z.toJSONSchema(ValuesSchema, { io: 'input', target: 'draft-2020-12' });
  return JSON.parse(JSON.stringify({ ...schema, title: 'Values of tensorio-trigger' }));
}

/** The keys that the mapping at `path` may have; none where any key is allowed. */
export function knownKeysAt(path: Path): readonly string[] {
  const node = nodeAt(path);
  if (node === undefined) return [];
  return branchesOf(node).flatMap((branch) =>
    isJsonObject(branch['properties']) ? Object.keys(branch['properties']) : [],
  );
}

/** The sections, other than the one at `path`, that have `key`. */
export function sectionsWith(key: string, path: Path): readonly string[] {
  const here = path.join('.');
  return SECTIONS.filter((section) => section.join('.') !== here && knownKeysAt(section).includes(key)).map((section) =>
    section.length === 0 ? 'the top level' : section.join('.').replace('.0', '[]'),
  );
}

/**
 * Whether the field at `path` is a text field, where `--set` keeps the text as typed: `aggregator.tag=1234567` is a tag. A field that
 * takes numbers too (a quantity) is not a text field.
 */
export function isTextField(path: readonly (string | number)[]): boolean {
  const node = nodeAt(path);
  const types = node === undefined ? [] : branchesOf(node).map((branch) => branch['type']);
  return types.includes('string') && !types.includes('number') && !types.includes('integer');
}

function nodeAt(path: Path): JsonObject | undefined {
  return path.reduce<JsonObject | undefined>(
    (node, step) => (node === undefined ? undefined : stepInto(node, step)),
    root(),
  );
}

function root(): JsonObject {
  // Built once: it takes milliseconds and never changes.
  return (built ??= valuesJsonSchema());
}

function stepInto(node: JsonObject, step: PropertyKey): JsonObject | undefined {
  for (const branch of branchesOf(node)) {
    if (typeof step === 'number' && isJsonObject(branch['items'])) return branch['items'];
    const properties = branch['properties'];
    const own = isJsonObject(properties) && Object.hasOwn(properties, step) ? properties[String(step)] : undefined;
    if (isJsonObject(own)) return own;
    if (isJsonObject(branch['additionalProperties'])) return branch['additionalProperties'];
  }
  return undefined;
}

/** The node itself, or the branches of its union, with references resolved. */
function branchesOf(node: JsonObject): readonly JsonObject[] {
  const { $ref: reference, anyOf } = node;
  if (typeof reference === 'string') {
    const definitions = root()['$defs'];
    const target = isJsonObject(definitions) ? definitions[reference.replace('#/$defs/', '')] : undefined;
    return isJsonObject(target) ? branchesOf(target) : [];
  }
  return Array.isArray(anyOf) ? anyOf.filter(isJsonObject).flatMap(branchesOf) : [node];
}
