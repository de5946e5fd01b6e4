import type { GsUri } from '../storage/uri.ts';
import { formatGsUri } from '../storage/uri.ts';
import { parseUploadPattern } from '../values/object-pattern.ts';
import type { SortedUpdates } from './accounting.ts';
import { raiseWatermark } from './accounting.ts';
import { jobRefOf } from './attempt-job.ts';
import type { Ledger, RedriveRequest, VersionedLedger } from './ledger.ts';
import { openRound } from './ledger.ts';
import type { ListedUpdate } from './listing.ts';
import type { Manifest, ManifestUpdate } from './manifest.ts';
import { contentHash, formatList, formatManifest, MANIFEST_VERSION, ManifestSchema } from './manifest.ts';
import { listUri, manifestUri, resultUri } from './paths.ts';
import type { Decision, RoundPolicy } from './policy.ts';
import { corruptState, parseState } from './state-json.ts';
import type { Action, TaskContext } from './task-context.ts';
import { writeLedger } from './task-context.ts';
import { fillPath } from './update.ts';

type Start = Extract<Decision<ListedUpdate>, { kind: 'start' }>;

/** Seals the next round with the updates of `decision`. */
export function sealStep(
  context: TaskContext,
  current: VersionedLedger,
  decision: Start,
  { pending }: SortedUpdates,
  listing: readonly ListedUpdate[],
): Action {
  const { policy, taskId, now } = context;
  const { next } = current.ledger;
  const taken = new Set(decision.updates);
  const rest = pending.filter((update) => !taken.has(update));
  const drops = policy.lateUpdates === 'drop';
  const run: Action['run'] = async () => {
    const manifest = buildManifest(context, current.ledger, decision, drops ? rest : []);
    // Another instance has sealed the round. The next step finds its manifest and adopts it.
    if ((await commitManifest(context, manifest)) === 'taken') return current;
    const opened = openSealed(context, current.ledger, manifest);
    const sealed = { now, settledWindowSec: policy.settledWindowSec, listing, left: drops ? [] : rest };
    return writeLedger(context, current, raiseWatermark(opened, sealed));
  };
  return {
    kind: 'act',
    act: 'start',
    round: next,
    reason: `Round ${next} starts: ${decision.reason}`,
    run,
    // Throws when the task's id makes the output path invalid.
    check: async () => void freezePolicy(policy, taskId, next),
  };
}

function buildManifest(
  { policy, taskId, now }: TaskContext,
  ledger: Ledger,
  { start, updates }: Start,
  dropped: readonly ListedUpdate[],
): Manifest {
  return {
    schema: MANIFEST_VERSION,
    taskId,
    round: ledger.next,
    uploads: ledger.uploads,
    sealedAt: now.toISOString(),
    reason: start,
    forced: start === 'forced',
    ...freezePolicy(policy, taskId, ledger.next),
    updates: updates.map(toManifestUpdate),
    dropped: dropped.map(toManifestUpdate),
  };
}

function toManifestUpdate(update: ListedUpdate): ManifestUpdate {
  const { jobId, name, generation, size, crc32c, timeCreated } = update;
  return { jobId, name, generation, size, crc32c, timeCreated };
}

/** The part of the policy that a manifest freezes. */
export function freezePolicy(
  policy: RoundPolicy,
  taskId: string,
  round: number,
): Pick<Manifest, 'minReports' | 'maxAttempts' | 'outputPaths'> {
  return {
    minReports: policy.minReports,
    maxAttempts: policy.maxAttempts,
    outputPaths: Array.from({ length: policy.maxAttempts }, (_, index) =>
      fillPath(policy.outputPath, { taskId, round: String(round), attempt: String(index + 1) }, 'outputPath'),
    ),
  };
}

/**
 * Seals the next round with the updates of a failed one. It is a round of its own: with the same number, two instances could
 * aggregate two different sets.
 */
export function redriveStep(context: TaskContext, current: VersionedLedger, request: RedriveRequest): Action {
  const { next } = current.ledger;
  return {
    kind: 'act',
    act: 'redrive',
    round: next,
    reason: `Round ${next} starts: it aggregates the updates of failed round ${request.round} again.`,
    run: async () => {
      const first = await readRedriven(context, request.round);
      const manifest = buildRedrive(context, next, first, request);
      const outcome = await commitManifest(context, manifest);
      // Another instance has sealed the round. The next step finds its manifest and adopts it.
      if (outcome !== 'sealed') return current;
      const opened = openSealed(context, current.ledger, manifest);
      return writeLedger(context, current, opened);
    },
  };
}

/** The manifest of a failed round. Throws UnreadableStateError when it is missing. */
export async function readRedriven(context: TaskContext, round: number): Promise<Manifest> {
  const manifest = await readManifest(context, round);
  if (manifest !== null) return manifest;
  const uri = manifestUri(context.rounds.stateUri, context.taskId, round);
  throw corruptState(uri, 'is missing, and the ledger has the round');
}

function buildRedrive(
  { policy, taskId, now }: TaskContext,
  round: number,
  first: Manifest,
  { without }: RedriveRequest,
): Manifest {
  return {
    schema: first.schema,
    taskId,
    round,
    uploads: first.uploads,
    sealedAt: now.toISOString(),
    reason: 'redrive',
    forced: false,
    redriveOf: first.round,
    ...(without.length > 0 && { without }),
    ...freezePolicy(policy, taskId, round),
    updates: first.updates.filter(({ jobId }) => !without.includes(jobId)),
    dropped: [],
  };
}

/** Seals the round. `'taken'`: it is sealed already, perhaps by the echo of this write. */
export async function commitManifest(context: TaskContext, manifest: Manifest): Promise<'sealed' | 'taken'> {
  const { rounds, taskId, call } = context;
  const uri = manifestUri(rounds.stateUri, taskId, manifest.round);
  const options = { ...call, ifGenerationMatch: '0', contentType: 'application/json' };
  if ((await rounds.store.write(uri, formatManifest(manifest), options)) === 'conflict') return 'taken';
  await writeList(context, manifest);
  return 'sealed';
}

/** Writes the aggregator's list of a sealed round, unless it exists. */
async function writeList({ rounds, taskId, call }: TaskContext, manifest: Manifest): Promise<void> {
  const text = formatList(parseUploadPattern(manifest.uploads).bucket, manifest);
  const options = { ...call, ifGenerationMatch: '0', contentType: 'text/plain; charset=utf-8' };
  await rounds.store.write(listUri(rounds.stateUri, taskId, manifest.round), text, options);
}

/** The ledger with the round of `manifest` open. */
export function openSealed({ rounds, taskId }: TaskContext, ledger: Ledger, manifest: Manifest): Ledger {
  return openRound(
    ledger,
    manifest,
    jobRefOf(rounds, taskId, { ...manifest, attempt: 1, content: contentHash(manifest) }),
  );
}

/** The manifest of `round`; `null` when the round is not sealed. Throws UnreadableStateError. */
export async function readManifest(
  { rounds, taskId, call }: Pick<TaskContext, 'rounds' | 'taskId' | 'call'>,
  round: number,
): Promise<Manifest | null> {
  const uri = manifestUri(rounds.stateUri, taskId, round);
  const found = await rounds.store.read(uri, call);
  return found === null || found === 'unchanged' ? null : parseManifest(uri, taskId, round, found.text);
}

/** Parses a stored manifest. Throws UnreadableStateError, with the remedy. */
export function parseManifest(uri: GsUri, taskId: string, round: number, text: string): Manifest {
  const manifest = parseState(uri, text, MANIFEST_VERSION, ManifestSchema);
  if (manifest.taskId !== taskId || manifest.round !== round) {
    throw corruptState(uri, `is the manifest of round ${manifest.round} of task "${manifest.taskId}"`);
  }
  if (manifest.outputPaths.length < manifest.maxAttempts)
    throw corruptState(uri, 'is corrupt: an attempt has no output path');
  return manifest;
}

/** Opens a round that is sealed but not in the ledger, because the ledger write was lost. */
export function adoptStep(context: TaskContext, current: VersionedLedger, manifest: Manifest): Action {
  return {
    kind: 'act',
    act: 'adopt',
    round: manifest.round,
    reason: `Round ${manifest.round} is sealed (${manifest.reason}) but not in the ledger yet: it is opened.`,
    run: async () => {
      if (current.generation === '0' && (await hasLedger(context, manifest))) return 'conflict';
      await writeList(context, manifest);
      return writeLedger(context, current, openSealed(context, current.ledger, manifest));
    },
  };
}

/** Whether the task has a ledger by now. Throws UnreadableStateError for a lost one: finished rounds would run again. */
async function hasLedger({ rounds, taskId, call }: TaskContext, { round }: Manifest): Promise<boolean> {
  const uri = resultUri(rounds.stateUri, taskId, round);
  if ((await rounds.store.read(uri, call)) === null) return false;
  // The result is newer than the ledger, which may have been written since this call read none.
  if ((await rounds.ledgers.read(taskId, call)) !== null) return true;
  throw corruptState(
    manifestUri(rounds.stateUri, taskId, round),
    `belongs to a round that has ended (${formatGsUri(uri)}), and the task's ledger.json is missing`,
  );
}
