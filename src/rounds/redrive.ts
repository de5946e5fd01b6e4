import { AppError, ConflictError, InvalidRequestError, NotFoundError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import { advance, beginPass, createContention } from './advance.ts';
import type { Begun } from './advance.ts';
import type { RoundsDeps } from './deps.ts';
import type { Manifest } from './manifest.ts';
import { manifestUri } from './paths.ts';
import { adoptStep, commitManifest, freezePolicy, openSealed, readManifest } from './seal.ts';
import { corruptState } from './state-error.ts';
import type { TaskDecision } from './step.ts';
import { writeLedger } from './write-ledger.ts';

export interface RedriveOptions {
  /** jobIds to leave out; they stay accounted as failed. */
  readonly without?: readonly string[];
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface RedriveResult {
  readonly taskId: string;
  readonly outcome: 'created' | 'exists' | 'dry-run';
  /** The failed round. */
  readonly round: number;
  /** The new round with its updates. */
  readonly redrivenAs: number;
  readonly updates: number;
  readonly reason: string;
  /** How the new round stands; absent in a dry run. */
  readonly decision?: TaskDecision;
}

type Redriven = Omit<RedriveResult, 'decision'>;

/**
 * Runs the updates of a failed round once more, as a new round; only while none is open, and once per round: the same
 * call again answers `exists`. (The same round number again could be aggregated by two instances over two sets.)
 *
 * Throws NotFoundError for an unknown round, ConflictError for one that did not fail or while another is open,
 * InvalidRequestError for a `without` that is not of the round or leaves nothing, and what the ports throw.
 */
export async function redrive(
  deps: RoundsDeps,
  taskId: string,
  round: number,
  options: RedriveOptions = {},
): Promise<RedriveResult> {
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const noteConflict = createContention(taskId);
  for (;;) {
    const redriven = await tryOnce(deps, await beginPass(deps, taskId, call), round, options);
    if (redriven?.outcome === 'dry-run') return redriven;
    if (redriven !== null) return { ...redriven, decision: await advanceOrTell(deps, taskId, call) };
    noteConflict();
  }
}

/** One try: the redrive, or `null` when the state was another by the time of a write. */
async function tryOnce(
  deps: RoundsDeps,
  begun: Begun,
  round: number,
  { without = [], dryRun = false }: RedriveOptions,
): Promise<Redriven | null> {
  const { pass, known } = begun;
  const before = redrivenAs(begun, round);
  if (before !== null) return before;
  const unadopted = await readManifest(deps, pass, known.ledger.next);
  if (unadopted !== null) {
    await adoptStep(deps, pass, known, unadopted).run();
    return null;
  }
  const first = await readManifest(deps, pass, round);
  if (first === null)
    throw corruptState(manifestUri(deps.stateUri, pass.taskId, round), 'is gone, and the ledger holds the round');
  const manifest = buildRedrive(begun, first, without);
  const left = without.length === 0 ? '' : ` without ${without.join(', ')}`;
  const redriven = {
    taskId: pass.taskId,
    round,
    redrivenAs: manifest.round,
    updates: manifest.updates.length,
    reason: `Round ${manifest.round} takes the ${manifest.updates.length} updates of failed round ${round}${left}.`,
  };
  if (dryRun) return { ...redriven, outcome: 'dry-run' };
  if ((await commitManifest(deps, pass, manifest)) === 'taken') return null;
  // Lost or not: the manifest is the commit point, and whoever looks next opens the round.
  await writeLedger(deps, pass, known, openSealed(deps, pass, known.ledger, manifest));
  return { ...redriven, outcome: 'created' };
}

/** The round it was redriven as, or `null` when it may be redriven now. Throws NotFoundError or ConflictError. */
function redrivenAs({ known: { ledger }, pass }: Begun, round: number): Redriven | null {
  const { open } = ledger;
  const record = ledger.rounds.get(round);
  const as = open?.redriveOf === round ? open.round : record?.redrivenAs;
  if (as !== undefined) {
    const updates = open?.round === as ? open.updates : (ledger.rounds.get(as)?.updates ?? 0);
    return {
      taskId: pass.taskId,
      outcome: 'exists',
      round,
      redrivenAs: as,
      updates,
      reason: `Round ${round} was redriven as round ${as}.`,
    };
  }
  if (record === undefined && open?.round !== round)
    throw new NotFoundError(`Task "${pass.taskId}" knows no failed round ${round}.`);
  if (record?.outcome === 'aggregated')
    throw new ConflictError(`Round ${round} was aggregated; only a failed round can be redriven.`);
  if (open !== null)
    throw new ConflictError(`Round ${open.round} is open; round ${round} can be redriven when it has ended.`);
  return null;
}

function buildRedrive({ pass, known }: Begun, first: Manifest, without: readonly string[]): Manifest {
  const ids = new Set(first.updates.map(({ jobId }) => jobId));
  const unknown = without.filter((jobId) => !ids.has(jobId));
  if (unknown.length > 0) {
    const message = `round ${first.round} has no update ${unknown.map((jobId) => `"${jobId}"`).join(', ')}`;
    throw new InvalidRequestError(`without: ${message}`, [{ path: 'without', message }]);
  }
  const updates = first.updates.filter(({ jobId }) => !without.includes(jobId));
  if (updates.length === 0) {
    const message = `nothing of round ${first.round} would be left`;
    throw new InvalidRequestError(`without: ${message}`, [{ path: 'without', message }]);
  }
  return {
    schema: first.schema,
    taskId: pass.taskId,
    round: known.ledger.next,
    uploads: first.uploads,
    sealedAt: pass.now.toISOString(),
    reason: 'redrive',
    forced: false,
    redriveOf: first.round,
    ...(without.length > 0 && { without: [...without] }),
    ...freezePolicy(pass.policy, pass.taskId, known.ledger.next),
    updates,
    dropped: [],
  };
}

/** The round is sealed whatever comes of this: a missing Secret is told of, and the next sweep goes on. */
async function advanceOrTell(deps: RoundsDeps, taskId: string, call: CallOptions): Promise<TaskDecision> {
  try {
    return (await advance(deps, taskId, call)).decision;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: 'wait', reason: error.message };
  }
}
