import { formatGsUri } from '../storage/uri.ts';
import type { Sorted } from './accounting.ts';
import { jobRefOf } from './attempt-job.ts';
import type { RoundsDeps } from './deps.ts';
import type { Ledger } from './ledger.ts';
import { openRound } from './ledger-changes.ts';
import type { ListedUpdate } from './listing.ts';
import type { Manifest, ManifestUpdate } from './manifest.ts';
import { formatList, formatManifest, MANIFEST_VERSION, parseManifest } from './manifest.ts';
import { listUri, manifestUri, resultUri } from './paths.ts';
import { parseUploadPattern } from '../values/object-pattern.ts';
import { fillPath } from './pattern.ts';
import type { Decision, RoundPolicy } from './policy.ts';
import { corruptState } from './state-error.ts';
import type { Act, Known, Pass } from './step.ts';
import { raiseWatermark } from './watermark.ts';
import { writeLedger } from './write-ledger.ts';

type Start = Extract<Decision<ListedUpdate>, { kind: 'start' }>;

/** What a manifest freezes of the policy of this moment. */
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

/** The manifest of `round`; `null` when there is none yet. */
export async function readManifest(
  deps: RoundsDeps,
  pass: Pick<Pass, 'taskId' | 'call'>,
  round: number,
): Promise<Manifest | null> {
  const uri = manifestUri(deps.stateUri, pass.taskId, round);
  const found = await deps.store.read(uri, pass.call);
  return found === null || found === 'unchanged' ? null : parseManifest(uri, pass.taskId, round, found.text);
}

/** The ledger with the round of `manifest` open. */
export function openSealed(deps: RoundsDeps, pass: Pass, ledger: Ledger, manifest: Manifest): Ledger {
  return openRound(ledger, manifest, jobRefOf(deps, pass.policy, pass.taskId, { ...manifest, attempt: 1 }));
}

/** Commits `manifest` as the next round; `'taken'` when the round is sealed already, perhaps by the echo of this write. */
export async function commitManifest(deps: RoundsDeps, pass: Pass, manifest: Manifest): Promise<'sealed' | 'taken'> {
  const uri = manifestUri(deps.stateUri, pass.taskId, manifest.round);
  const options = { ...pass.call, ifGenerationMatch: '0', contentType: 'application/json' };
  if ((await deps.store.write(uri, formatManifest(manifest), options)) === 'conflict') return 'taken';
  await writeList(deps, pass, manifest);
  return 'sealed';
}

/** Writes the aggregator's list of a sealed round, unless it is there. */
async function writeList(deps: RoundsDeps, pass: Pass, manifest: Manifest): Promise<void> {
  const text = formatList(parseUploadPattern(manifest.uploads).bucket, manifest);
  const options = { ...pass.call, ifGenerationMatch: '0', contentType: 'text/plain; charset=utf-8' };
  await deps.store.write(listUri(deps.stateUri, pass.taskId, manifest.round), text, options);
}

/** Seals the next round with what `decision` took of the listing. */
export function sealStep(
  deps: RoundsDeps,
  pass: Pass,
  known: Known,
  decision: Start,
  { pending }: Sorted,
  listing: readonly ListedUpdate[],
): Act {
  const taken = new Set(decision.updates);
  const rest = pending.filter((update) => !taken.has(update));
  const drops = pass.policy.lateUpdates === 'drop';
  const run: Act['run'] = async () => {
    const manifest = buildManifest(pass, known.ledger, decision, drops ? rest : []);
    // Taken: look again with the same ledger, which finds the manifest and adopts it. The set is what it says.
    if ((await commitManifest(deps, pass, manifest)) === 'taken') return known;
    const opened = openSealed(deps, pass, known.ledger, manifest);
    const view = { now: pass.now, settledWindowSec: pass.policy.settledWindowSec, listing, left: drops ? [] : rest };
    return writeLedger(deps, pass, known, raiseWatermark(opened, view));
  };
  return {
    kind: 'act',
    act: 'start',
    round: known.ledger.next,
    reason: `Round ${known.ledger.next} starts: ${decision.reason}`,
    run,
    // An output path that this task's id makes unusable.
    check: async () => void freezePolicy(pass.policy, pass.taskId, known.ledger.next),
  };
}

function buildManifest(
  pass: Pass,
  ledger: Ledger,
  { start, updates }: Start,
  dropped: readonly ListedUpdate[],
): Manifest {
  return {
    schema: MANIFEST_VERSION,
    taskId: pass.taskId,
    round: ledger.next,
    uploads: ledger.uploads,
    sealedAt: pass.now.toISOString(),
    reason: start,
    forced: start === 'forced',
    ...freezePolicy(pass.policy, pass.taskId, ledger.next),
    updates: updates.map(toManifestUpdate),
    dropped: dropped.map(toManifestUpdate),
  };
}

function toManifestUpdate({ jobId, name, generation, size, crc32c, timeCreated }: ListedUpdate): ManifestUpdate {
  return {
    jobId,
    name,
    generation,
    size,
    crc32c,
    timeCreated,
  };
}

/** Opens the round of a manifest whose ledger write was lost. */
export function adoptStep(deps: RoundsDeps, pass: Pass, known: Known, manifest: Manifest): Act {
  return {
    kind: 'act',
    act: 'adopt',
    round: manifest.round,
    reason: `Round ${manifest.round} is sealed (${manifest.reason}), and the ledger does not know it yet: it is opened.`,
    run: async () => {
      if (known.generation === '0' && (await isBegun(deps, pass, manifest))) return 'conflict';
      await writeList(deps, pass, manifest);
      return writeLedger(deps, pass, known, openSealed(deps, pass, known.ledger, manifest));
    },
  };
}

/** Whether the ledger is there by now. A lost one (not merely never written) would run every finished round again. */
async function isBegun(deps: RoundsDeps, pass: Pass, manifest: Manifest): Promise<boolean> {
  const uri = resultUri(deps.stateUri, pass.taskId, manifest.round);
  if ((await deps.store.read(uri, pass.call)) === null) return false;
  // The result is younger than the ledger: this look may have slept since it saw none.
  const { generation } = await deps.ledgers.read(pass.taskId, pass.call);
  if (generation !== '0') return true;
  throw corruptState(
    manifestUri(deps.stateUri, pass.taskId, manifest.round),
    `is of a round that has ended (${formatGsUri(uri)}), and the task's ledger.json is gone`,
  );
}
