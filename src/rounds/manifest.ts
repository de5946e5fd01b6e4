import { createHash } from 'node:crypto';
import * as z from 'zod';

export const MANIFEST_VERSION = 1;

const UpdateSchema = z.object({
  jobId: z.string().min(1),
  name: z.string().min(1),
  generation: z.string().regex(/^[1-9]\d{0,18}$/),
  size: z.int().nonnegative(),
  crc32c: z.string(),
  timeCreated: z.iso.datetime(),
});
/** One update of a round, as it was listed when the round was sealed. */
export type ManifestUpdate = z.infer<typeof UpdateSchema>;

export const ManifestSchema = z.object({
  schema: z.literal(MANIFEST_VERSION),
  taskId: z.string().min(1),
  round: z.int().positive(),
  uploads: z.string(),
  sealedAt: z.iso.datetime(),
  reason: z.enum(['report-goal', 'quiet', 'timeout', 'forced', 'redrive']),
  forced: z.boolean(),
  redriveOf: z.int().positive().optional(),
  /** jobIds of the redriven round that this round leaves out. */
  without: z.array(z.string()).optional(),
  minReports: z.int().positive(),
  maxAttempts: z.int().positive(),
  /** One per attempt. Frozen, because the output of a running Job would look missing if the configured path changed. */
  outputPaths: z.array(z.string()).min(1),
  updates: z.array(UpdateSchema).min(1),
  dropped: z.array(UpdateSchema),
});
/** The updates of a round and its frozen policy. Created once and never changed: its creation seals the round. */
export type Manifest = z.infer<typeof ManifestSchema>;

/** The manifest as it is stored. */
export function formatManifest(manifest: Manifest): string {
  return JSON.stringify(manifest);
}

/** Identifies what the round aggregates: a hash of the name and generation of each update. */
export function contentHash({ updates }: Pick<Manifest, 'updates'>): string {
  const text = updates.map(({ name, generation }) => `${name}#${generation}\n`).join('');
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** The aggregator's checkpoint list: one `gs://` path per line. */
export function formatList(bucket: string, manifest: Manifest): string {
  return manifest.updates.map(({ name }) => `gs://${bucket}/${name}\n`).join('');
}
