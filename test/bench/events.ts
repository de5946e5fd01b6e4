import { buildFinalizedEvent } from '../../infra/local/gcs/cloud-event.ts';
import type { BinaryEvent } from '../../infra/local/gcs/cloud-event.ts';
import type { ObjectRecord } from '../../infra/local/gcs/records.ts';
import { buildObjectResource } from '../../infra/local/gcs/resource.ts';
import { runInFlight } from './client.ts';
import type { MeasuredFunction, Probe } from './measured-function.ts';
import type { Row } from './report.ts';
import { count, megabytes, ms, perSecond } from './report.ts';
import { buildRoundValues, NEVER } from './round-values.ts';
import { createScope } from './scope.ts';
import type { Bench, Section } from './section.ts';
import { openTable, sizeOf } from './section.ts';
import { seedUpdates } from './seed.ts';
import type { Counts } from './servers.ts';
import { sentBetween } from './servers.ts';
import { median, quantile } from './stats.ts';
import type { World } from './world.ts';
import { startWorld } from './world.ts';

// What one instance is sent at once: the concurrency of a Cloud Run service unless it says otherwise.
const IN_FLIGHT = 80;
const WARM_UP = 100;
// Where links of a resource point to; nobody follows them.
const BASE = 'https://storage.googleapis.com';

const buildEvents = (updates: readonly ObjectRecord[] = []): BinaryEvent[] =>
  updates.map((record) => buildFinalizedEvent(buildObjectResource(record, BASE), String(record.generation)));

interface Burst {
  readonly events: number;
  readonly seconds: number;
  readonly eachMs: readonly number[];
  readonly acknowledged: number;
  readonly calls: number;
  readonly sent: Counts;
  readonly before: Probe | null;
  readonly after: Probe | null;
}

const deliver = async (
  world: World,
  fn: MeasuredFunction,
  events: readonly BinaryEvent[],
  withinMs: number,
): Promise<Burst> => {
  await fn.forget();
  const [before, sentBefore] = [await fn.probe(), await world.storage.counts()];
  let acknowledged = 0;
  const { seconds, eachMs } = await runInFlight({ inFlight: IN_FLIGHT, times: events.length, withinMs }, async (at) => {
    const event = events[at];
    if (event === undefined) return;
    const { status } = await world.client.send('POST', `${fn.url}/`, event.body, { ...event.headers });
    if (status >= 200 && status < 300) acknowledged += 1;
  });
  const calls = (await fn.upstreamCalls(eachMs.length)).reduce((sum, each) => sum + each, 0);
  const [sent, after] = [sentBetween(sentBefore, await world.storage.counts()), await fn.probe()];
  return { events: eachMs.length, seconds, eachMs, acknowledged, calls, sent, before, after };
};

const rowOf = (name: string, burst: Burst): Row => {
  const { events, acknowledged, seconds, eachMs, calls, sent, before, after } = burst;
  return [
    name,
    count(events),
    count(acknowledged),
    perSecond(events / seconds),
    ms(median(eachMs)),
    ms(quantile(eachMs, 0.99)),
    count(calls / events),
    count(sent.lists / events),
    before && after && ms((after.cpuMs - before.cpuMs) / events),
    after && ms(after.blockedMs),
    after && megabytes(after.maxRssBytes),
  ];
};

interface Scene {
  readonly name: string;
  readonly reportGoal: number;
  readonly maxReports?: number;
}

const SCENES: readonly Scene[] = [
  { name: 'a round runs: each look asks for its Job', reportGoal: 100, maxReports: 130 },
  { name: 'below the goal: each look lists all updates', reportGoal: NEVER },
];

const play = async (bench: Bench, scene: Scene, times: number, withinMs: number): Promise<Row> => {
  // Of its own: a function that has grown in the scene before would not be told from one that grows in this.
  const scope = bench.scope.keep(createScope());
  const seeds = new Map([
    ['warm', WARM_UP - 1],
    ['task', times],
  ]);
  const { dataDir, updates } = await seedUpdates(scope, seeds);
  const world = await startWorld(scope, { dataDir, values: buildRoundValues(scene.reportGoal, scene.maxReports) });
  const fn = await world.startFunction('onCheckpoint');
  await deliver(world, fn, buildEvents(updates.get('warm')), withinMs);
  const burst = await deliver(world, fn, buildEvents(updates.get('task')), withinMs);
  await scope.close();
  return rowOf(scene.name, burst);
};

export const events: Section = {
  name: 'events',
  title: 'A burst of uploads',
  about: `Finalize events of one task, posted to onCheckpoint as Eventarc posts them, ${IN_FLIGHT} in flight, their objects being in the embedded bucket already. An instance looks at a task once for all events that arrive during a look, so calls per event are far below one look's.`,
  run: async (bench) => {
    const { times, withinMs } = sizeOf(bench, {
      quick: { times: 1_000, withinMs: 2_000 },
      normal: { times: 10_000, withinMs: 20_000 },
      full: { times: 10_000, withinMs: 600_000 },
    });
    const add = openTable(bench, [
      `${times.toLocaleString('en-US')} objects`,
      'events',
      'answered 2xx',
      'rate',
      'p50',
      'p99',
      'upstream calls each',
      'lists each',
      'CPU each',
      'longest block',
      'most RSS',
    ]);
    for (const scene of sizeOf(bench, { quick: SCENES.slice(0, 1), normal: SCENES })) {
      add(await play(bench, scene, times, withinMs));
    }
  },
};
