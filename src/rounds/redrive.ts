import { AppError, ConflictError, InvalidRequestError, NotFoundError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import { advance } from './advance.ts';
import type { Manifest } from './manifest.ts';
import { manifestUri } from './paths.ts';
import { adoptStep, commitManifest, freezePolicy, openSealed, readManifest } from './seal.ts';
import { corruptState } from './state-json.ts';
import type { RoundsContext, TaskDecision, TaskSnapshot } from './task-context.ts';
import { createContention, readSnapshot, writeLedger } from './task-context.ts';

export interface RedriveOptions {
  /** jobIds to leave out. They remain counted as failed. */
  readonly without?: readonly string[];
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface RedriveResult {
  readonly taskId: string;
  readonly outcome: 'created' | 'exists' | 'dry-run';
  /** The failed round. */
  readonly round: number;
  /** The new round. */
  readonly redrivenAs: number;
  readonly updates: number;
  readonly reason: string;
  /** The state of the new round; absent in a dry run. */
  readonly decision?: TaskDecision;
}

type Redriven = Omit<RedriveResult, 'decision'>;

/**
 * Aggregates the updates of a failed round again, as a new round: only while no round is open, and once per round. A
 * repeated call returns `exists`. (With the same round number, two instances could aggregate two different sets.)
 *
 * Throws NotFoundError for an unknown round, ConflictError for a round that did not fail or while another one is open,
 * InvalidRequestError for a `without` with unknown ids or that leaves no update, and what the ports throw.
 */
export async function redrive(
  rounds: RoundsContext,
  taskId: string,
  round: number,
  options: RedriveOptions = {},
): Promise<RedriveResult> {
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const noteConflict = createContention(taskId);
  for (;;) {
    const redriven = await tryOnce(await readSnapshot(rounds, taskId, call), round, options);
    if (redriven?.outcome === 'dry-run') return redriven;
    if (redriven !== null) return { ...redriven, decision: await tryAdvance(rounds, taskId, call) };
    noteConflict();
  }
}

/** One try; `null` when the state changed before a write. */
async function tryOnce(
  snapshot: TaskSnapshot,
  round: number,
  { without = [], dryRun = false }: RedriveOptions,
): Promise<Redriven | null> {
  const { context, current } = snapshot;
  const before = redrivenAs(snapshot, round);
  if (before !== null) return before;
  const unadopted = await readManifest(context, current.ledger.next);
  if (unadopted !== null) {
    await adoptStep(context, current, unadopted).run();
    return null;
  }
  const first = await readManifest(context, round);
  if (first === null)
    throw corruptState(
      manifestUri(context.rounds.stateUri, context.taskId, round),
      'is missing, and the ledger has the round',
    );
  const manifest = buildRedrive(snapshot, first, without);
  const left = without.length === 0 ? '' : ` without ${without.join(', ')}`;
  const redriven = {
    taskId: context.taskId,
    round,
    redrivenAs: manifest.round,
    updates: manifest.updates.length,
    reason: `Round ${manifest.round} aggregates the ${manifest.updates.length} updates of failed round ${round}${left}.`,
  };
  if (dryRun) return { ...redriven, outcome: 'dry-run' };
  if ((await commitManifest(context, manifest)) === 'taken') return null;
  // The round is sealed whether this write succeeds or not: the next reconcile adopts it.
  await writeLedger(context, current, openSealed(context, current.ledger, manifest));
  return { ...redriven, outcome: 'created' };
}

/** The redrive of the round; `null` when it can be redriven now. Throws NotFoundError or ConflictError. */
function redrivenAs({ current: { ledger }, context }: TaskSnapshot, round: number): Redriven | null {
  const { open } = ledger;
  const record = ledger.rounds.get(round);
  const as = open?.redriveOf === round ? open.round : record?.redrivenAs;
  if (as !== undefined) {
    const updates = open?.round === as ? open.updates : (ledger.rounds.get(as)?.updates ?? 0);
    return {
      taskId: context.taskId,
      outcome: 'exists',
      round,
      redrivenAs: as,
      updates,
      reason: `Round ${round} was redriven as round ${as}.`,
    };
  }
  if (record === undefined && open?.round !== round)
    throw new NotFoundError(`Task "${context.taskId}" has no failed round ${round}.`);
  if (record?.outcome === 'aggregated')
    throw new ConflictError(`Round ${round} was aggregated; only a failed round can be redriven.`);
  if (open !== null)
    throw new ConflictError(`Round ${open.round} is open; round ${round} can be redriven when it has ended.`);
  return null;
}

function buildRedrive({ context, current }: TaskSnapshot, first: Manifest, without: readonly string[]): Manifest {
  const ids = new Set(first.updates.map(({ jobId }) => jobId));
  const unknown = without.filter((jobId) => !ids.has(jobId));
  if (unknown.length > 0) {
    const message = `round ${first.round} has no update ${unknown.map((jobId) => `"${jobId}"`).join(', ')}`;
    throw new InvalidRequestError(`without: ${message}`, [{ path: 'without', message }]);
  }
  const updates = first.updates.filter(({ jobId }) => !without.includes(jobId));
  if (updates.length === 0) {
    const message = `no update of round ${first.round} would be left`;
    throw new InvalidRequestError(`without: ${message}`, [{ path: 'without', message }]);
  }
  return {
    schema: first.schema,
    taskId: context.taskId,
    round: current.ledger.next,
    uploads: first.uploads,
    sealedAt: context.now.toISOString(),
    reason: 'redrive',
    forced: false,
    redriveOf: first.round,
    ...(without.length > 0 && { without: [...without] }),
    ...freezePolicy(context.policy, context.taskId, current.ledger.next),
    updates,
    dropped: [],
  };
}

/** The round is sealed already. An error, such as a missing Secret, is reported, and the next sweep continues. */
async function tryAdvance(rounds: RoundsContext, taskId: string, call: CallOptions): Promise<TaskDecision> {
  try {
    return (await advance(rounds, taskId, call)).decision;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: 'wait', reason: error.message };
  }
}
