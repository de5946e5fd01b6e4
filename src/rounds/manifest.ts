import { z } from 'zod';
import type { GsUri } from '../storage/uri.ts';
import { corruptState } from './state-error.ts';
import { parseState } from './state-json.ts';

const VERSION = 1;

const UpdateSchema = z.object({
  jobId: z.string().min(1),
  name: z.string().min(1),
  generation: z.string().regex(/^[1-9]\d{0,18}$/),
  size: z.int().nonnegative(),
  crc32c: z.string(),
  timeCreated: z.iso.datetime(),
});
/** One update of a round, as the sealing listing showed it. */
export type ManifestUpdate = z.infer<typeof UpdateSchema>;

const ManifestSchema = z.object({
  schema: z.literal(VERSION),
  taskId: z.string().min(1),
  round: z.int().positive(),
  uploads: z.string(),
  sealedAt: z.iso.datetime(),
  reason: z.enum(['report-goal', 'quiet', 'timeout', 'forced', 'redrive']),
  forced: z.boolean(),
  redriveOf: z.int().positive().optional(),
  /** Updates of the redriven round that this one leaves out. */
  without: z.array(z.string()).optional(),
  minReports: z.int().positive(),
  maxAttempts: z.int().positive(),
  /** One per attempt: a path changed in mid-round would make a good output look missing. */
  outputPaths: z.array(z.string()).min(1),
  updates: z.array(UpdateSchema).min(1),
  dropped: z.array(UpdateSchema),
});
/** What a round is made of. Never changed once written: its creation is the round's commit point. */
export type Manifest = z.infer<typeof ManifestSchema>;

export const MANIFEST_VERSION = VERSION;

/** The manifest as it is stored. */
export function formatManifest(manifest: Manifest): string {
  return JSON.stringify(manifest);
}

/** Parses what {@link formatManifest} wrote. Throws UnreadableStateError, which says what to do. */
export function parseManifest(uri: GsUri, taskId: string, round: number, text: string): Manifest {
  const manifest = parseState(uri, text, VERSION, ManifestSchema);
  if (manifest.taskId !== taskId || manifest.round !== round) {
    throw corruptState(uri, `is the manifest of round ${manifest.round} of task "${manifest.taskId}"`);
  }
  if (manifest.outputPaths.length < manifest.maxAttempts)
    throw corruptState(uri, 'is corrupt: an attempt has no output path');
  return manifest;
}

/** The aggregator's checkpoint list: one `gs://` path per line. */
export function formatList(bucket: string, manifest: Manifest): string {
  return manifest.updates.map(({ name }) => `gs://${bucket}/${name}\n`).join('');
}
