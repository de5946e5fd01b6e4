import type { Ledger } from '../../../src/rounds/ledger.ts';
import { emptyLedger } from '../../../src/rounds/ledger.ts';
import { parseLedger } from '../../../src/rounds/ledger-store.ts';
import type { Manifest } from '../../../src/rounds/manifest.ts';
import { parseManifest } from '../../../src/rounds/seal.ts';
import type { ObjectInfo } from '../../../src/storage/port.ts';
import type { GsUri } from '../../../src/storage/uri.ts';
import { UPLOADS, WINDOWS_SEC } from './config.ts';
import { BACK_DATED_MS } from './devices.ts';
import type { World } from './world.ts';
import { violate } from './world.ts';

/** What the invariants remember of one task. */
export interface History {
  /** Whether Jobs and output of an earlier state of the task may exist. */
  restarted: boolean;
  ledger: Ledger;
  latestRound: number;
  readonly manifests: Map<number, Manifest>;
  /** Rounds by number, in the order in which they were redriven. */
  readonly redriven: Map<number, number>;
  /** Rounds with a recorded request for a redrive. */
  readonly wanted: Set<number>;
  /** Every sealed or dropped (jobId, generation), and when the bucket created the newest sealed generation of an id. */
  readonly sealed: Set<string>;
  readonly sealedMs: Map<string, number>;
}

export interface Observer {
  /** To be called after every write, with what was written. */
  readonly onWrite: (uri: GsUri, text: string, info: ObjectInfo) => void;
  readonly historyOf: (taskId: string) => History;
  /** The task's state was moved away: it starts again. */
  readonly restart: (taskId: string) => void;
}

const OBJECT = /^tasks\/([^/]+)\/(?:rounds\/(\d+)\/)?([a-z]+)\.(?:json|txt)$/;

const checkUploaded = (world: World, manifest: Manifest): void => {
  for (const { jobId, generation, size } of [...manifest.updates, ...manifest.dropped]) {
    const uploads = world.truth.uploads(manifest.taskId).get(jobId) ?? [];
    const real = uploads.some((upload) => upload.generation === Number(generation) && upload.size === size && size > 0);
    if (!real) violate(world, `5: round ${manifest.round} holds ${jobId}#${generation}, which was not uploaded`);
  }
};

/** Invariant 1, for a manifest that is no redrive. */
const checkSealed = (world: World, history: History, manifest: Manifest): void => {
  const { round, updates, dropped, minReports, forced } = manifest;
  if (updates.length === 0) violate(world, `1: round ${round} is empty`);
  if (updates.length < minReports && !forced)
    violate(world, `1: round ${round} has ${updates.length} < ${minReports} updates`);
  const leastWindowMs =
    Math.min(...WINDOWS_SEC) * 1000 -
    4 * world.config.skewMs -
    (world.config.faults.has('back-dated') ? BACK_DATED_MS : 0);
  for (const { jobId, generation, timeCreated } of [...updates, ...dropped]) {
    const before = history.sealedMs.get(jobId);
    if (history.sealed.has(`${jobId}#${generation}`))
      violate(world, `1: round ${round} seals ${jobId}#${generation} again`);
    if (before !== undefined && Date.parse(timeCreated) - before < leastWindowMs) {
      violate(world, `1: round ${round} seals ${jobId} again within the window`);
    }
  }
  checkUploaded(world, manifest);
  for (const { jobId, generation, timeCreated } of [...updates, ...dropped]) {
    history.sealed.add(`${jobId}#${generation}`);
    history.sealedMs.set(jobId, Date.parse(timeCreated));
    world.truth.settle(manifest.taskId, jobId, Number(generation), round);
  }
};

/** Invariant 2, for a redrive. */
const checkRedrive = (world: World, history: History, manifest: Manifest, of: number): void => {
  if (history.redriven.has(of)) violate(world, `2: round ${of} is redriven twice`);
  history.redriven.set(of, manifest.round);
  const first = new Set(history.manifests.get(of)?.updates.map(({ jobId, generation }) => `${jobId}#${generation}`));
  if (manifest.updates.length === 0) violate(world, `1: redrive ${manifest.round} is empty`);
  if (!manifest.updates.every(({ jobId, generation }) => first.has(`${jobId}#${generation}`))) {
    violate(world, `2: redrive ${manifest.round} holds what round ${of} does not`);
  }
};

/** Invariant 3: the output of a round that was just settled as aggregated. */
const checkOutput = (world: World, history: History, round: number, outputPath: string): void => {
  const manifest = history.manifests.get(round);
  const folder = `${outputPath.slice('gs://out/'.length)}/`;
  const objects = world.store.all('out').filter(({ name }) => name.startsWith(folder));
  const newest = objects.toSorted((a, b) => Number(b.generation) - Number(a.generation))[0];
  const text = newest === undefined ? '' : (world.store.peek(newest)?.text ?? '');
  const list = manifest?.updates.map(({ name }) => `gs://${UPLOADS.bucket}/${name}\n`).join('');
  if (text !== `full\n${list}`)
    violate(world, `3: round ${round} is settled, and ${outputPath} does not hold its output: ${text}`);
};

/** An attempt is given up for what lies in its directory only where a Job of that very attempt has been. */
const checkSpoiled = (world: World, history: History, after: Ledger): void => {
  const { ledger: before } = history;
  const { open } = before;
  if (open === null || history.restarted) return;
  const failures = (after.open?.round === open.round ? after.open : after.rounds.get(open.round))?.failures ?? [];
  const spoiled = failures.length > open.failures.length && failures.at(-1)?.code === 'OutputNotEmpty';
  if (spoiled && !world.createdJobs.has(open.job.name))
    violate(world, `3: ${open.job.name} is spoiled by an earlier attempt`);
};

const checkLedger = (world: World, history: History, ledger: Ledger): void => {
  const { ledger: before } = history;
  if (ledger.watermarkMs < before.watermarkMs) violate(world, '2: the watermark falls');
  const folded = world.truth.fold(before, ledger);
  if (folded !== null) violate(world, `4: ${folded}`);
  checkSpoiled(world, history, ledger);
  for (const [round, record] of ledger.rounds) {
    const settled = record.outcome === 'aggregated' && !before.rounds.has(round);
    if (settled && before.open?.round === round) checkOutput(world, history, round, record.outputPath);
  }
  for (const { round } of ledger.redrives) history.wanted.add(round);
  history.ledger = ledger;
};

/** Invariant 2: at most one pod of a task writes at a time. To be called after every step. */
export const checkPods = (world: World): void => {
  for (const taskId of world.config.tasks) {
    const alive = world.cluster
      .pods()
      .filter(
        ({ metadata, status }) =>
          metadata?.labels?.['tensorio-trigger/task'] === taskId &&
          (status?.phase === 'Pending' || status?.phase === 'Running'),
      );
    if (alive.length > 1)
      violate(world, `2: ${alive.map(({ metadata }) => metadata?.name).join(' and ')} live at once`);
  }
};

/** Checks every write to the state bucket as it is made. */
export const createObserver = (world: World): Observer => {
  const histories = new Map<string, History>();
  const newHistory = (taskId: string, restarted: boolean): History => ({
    restarted,
    ledger: emptyLedger(taskId, UPLOADS.text),
    latestRound: 0,
    manifests: new Map(),
    redriven: new Map(),
    wanted: new Set(),
    sealed: new Set(),
    sealedMs: new Map(),
  });
  const restart = (taskId: string): void => void histories.set(taskId, newHistory(taskId, true));
  const historyOf = (taskId: string): History => {
    const found = histories.get(taskId) ?? newHistory(taskId, false);
    histories.set(taskId, found);
    return found;
  };
  const onWrite: Observer['onWrite'] = (uri, text) => {
    const [, taskId, round, kind] = OBJECT.exec(uri.name) ?? [];
    if (uri.bucket !== 'state' || taskId === undefined) return;
    const history = historyOf(taskId);
    if (kind === 'ledger') checkLedger(world, history, parseLedger(uri, taskId, text));
    if (kind === 'latest') {
      const latest: { round: number } = JSON.parse(text);
      if (latest.round < history.latestRound) violate(world, '2: latest.round falls');
      history.latestRound = latest.round;
    }
    if (kind === 'manifest') {
      const manifest = parseManifest(uri, taskId, Number(round), text);
      if (history.manifests.has(manifest.round)) violate(world, `1: manifest ${manifest.round} is written twice`);
      if (manifest.redriveOf === undefined) checkSealed(world, history, manifest);
      else checkRedrive(world, history, manifest, manifest.redriveOf);
      history.manifests.set(manifest.round, manifest);
    }
  };
  return { onWrite, historyOf, restart };
};
