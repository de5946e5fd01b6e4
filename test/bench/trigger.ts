import { jobOf } from '../../src/aggregation/run-job.ts';
import { parseRunRecord } from '../../src/aggregation/run-record.ts';
import { assetsDir } from '../real/assets.ts';
import { startRealCluster } from '../real/cluster.ts';
import type { Timed } from './client.ts';
import { expectStatus, runInFlight } from './client.ts';
import type { MeasuredFunction } from './measured-function.ts';
import type { Table } from './report.ts';
import { count, megabytes, ms, perSecond, ratio } from './report.ts';
import type { Bench, Section } from './section.ts';
import { sizeOf } from './section.ts';
import { sentBetween } from './servers.ts';
import { mean, median, quantile } from './stats.ts';
import { buildTrigger, LIST } from './trigger-body.ts';
import type { World, WorldOptions } from './world.ts';
import { BUCKETS, NAMESPACE, startWorld } from './world.ts';

/** The two requests that are compared; each call is of a run, or a Job, that was never there before. */
interface Contest {
  readonly world: World;
  readonly fn: MeasuredFunction;
  readonly trigger: (id: string, status?: number) => Promise<void>;
  readonly bare: (id: string) => Promise<void>;
}

const createTrigger =
  (world: World, fn: MeasuredFunction) =>
  async (id: string, status = 201): Promise<void> => {
    expectStatus(await world.client.send('POST', `${fn.url}/`, buildTrigger(id)), [status], 'The trigger');
  };

/** The Job that the function sends for a run, to be sent under another name. */
const readJob = async ({ client, storage }: World, id: string): Promise<(name: string) => string> => {
  const name = encodeURIComponent(`runs/${id}.json`);
  const read = client.send('GET', `${storage.url}/storage/v1/b/${BUCKETS.state}/o/${name}?alt=media`);
  const record = parseRunRecord(expectStatus(await read, [200], 'The record of a run').text);
  const text = JSON.stringify(jobOf(record));
  return (jobName) => text.replace(`"name":"${record.jobName}"`, `"name":"${jobName}"`);
};

const startContest = async (scope: Bench['scope'], options: WorldOptions): Promise<Contest> => {
  const world = await startWorld(scope, options);
  const [fn] = await Promise.all([
    world.startFunction('aggregate'),
    world.upload(BUCKETS.uploads, LIST, `gs://${BUCKETS.uploads}/update-1\ngs://${BUCKETS.uploads}/update-2\n`),
  ]);
  const trigger = createTrigger(world, fn);
  await trigger('first');
  const buildBody = await readJob(world, 'first');
  const { client, url } = world.api;
  const bare = async (id: string): Promise<void> => {
    const sent = client.send('POST', `${url}/apis/batch/v1/namespaces/${NAMESPACE}/jobs`, buildBody(`bare-${id}`));
    expectStatus(await sent, [201], 'The bare POST of a Job');
  };
  return { world, fn, trigger, bare };
};

const timeOf = async (work: Promise<void>): Promise<number> => {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
};

/** One after the other in turn: whatever else the machine does meets all alike. */
const comparePairs = async ({ trigger, bare }: Contest, times: number, withinMs: number): Promise<Table> => {
  const [triggers, bares, again]: [number[], number[], number[]] = [[], [], []];
  await runInFlight({ inFlight: 1, times, withinMs }, async (index) => {
    triggers.push(await timeOf(trigger(`pair-${index}`)));
    bares.push(await timeOf(bare(`pair-${index}`)));
    again.push(await timeOf(trigger(`pair-${index}`, 200)));
  });
  const row = (values: readonly number[]) => [ms(quantile(values, 0.5)), ms(quantile(values, 0.99))] as const;
  const over = (q: number) => ratio(quantile(triggers, q) / quantile(bares, q));
  return {
    columns: [`one at a time, ${triggers.length} of each in turn`, 'p50', 'p99'],
    rows: [
      ['trigger: a run is created', ...row(triggers)],
      ['bare keep-alive POST of the same Job', ...row(bares)],
      ['trigger / bare POST', over(0.5), over(0.99)],
      ['trigger again: the run exists', ...row(again)],
    ],
  };
};

const compareLoad = async (contest: Contest, times: number, withinMs: number): Promise<Table> => {
  const rows: Table['rows'][number][] = [];
  for (const inFlight of [1, 8, 32]) {
    const load = { inFlight, times, withinMs };
    const triggers = await runInFlight(load, (index) => contest.trigger(`load-${inFlight}-${index}`));
    const bares = await runInFlight(load, (index) => contest.bare(`load-${inFlight}-${index}`));
    const rate = ({ eachMs, seconds }: Timed): number => eachMs.length / seconds;
    rows.push([
      String(inFlight),
      perSecond(rate(triggers)),
      perSecond(rate(bares)),
      ratio(rate(bares) / rate(triggers)),
      ms(median(triggers.eachMs)),
      ms(quantile(triggers.eachMs, 0.99)),
      count(triggers.eachMs.length),
    ]);
  }
  return { columns: ['in flight', 'triggers', 'bare POSTs', 'bare / trigger', 'trigger p50', 'p99', 'triggers'], rows };
};

/** Calls and CPU are counted where nothing but new runs is asked for. */
const countCalls = async ({ world, fn, trigger }: Contest, times: number): Promise<Table> => {
  const [before, sentBefore] = [await fn.probe(), await world.storage.counts()];
  await runInFlight({ inFlight: 1, times }, (index) => trigger(`count-${index}`));
  const all = mean(await fn.upstreamCalls(times));
  const { reads, lists, writes } = sentBetween(sentBefore, await world.storage.counts());
  const after = await fn.probe();
  return {
    columns: ['per trigger', 'upstream calls', 'bucket: reads', 'writes', 'lists', 'Kubernetes', 'CPU of the function'],
    rows: [
      [
        `mean of ${times} runs created`,
        count(all),
        count(reads / times),
        count(writes / times),
        count(lists / times),
        count(all - (reads + writes + lists) / times),
        before && after && ms((after.cpuMs - before.cpuMs) / times),
      ],
    ],
  };
};

const compare = async (bench: Bench, server: string, options: WorldOptions): Promise<void> => {
  const contest = await startContest(bench.scope, options);
  const { fn } = contest;
  const atStart = await fn.probe();
  const { warm, times, withinMs } = sizeOf(bench, {
    quick: { warm: 30, times: 60, withinMs: 1_500 },
    normal: { warm: 100, times: 300, withinMs: 5_000 },
  });
  await runInFlight({ inFlight: 1, times: warm, withinMs }, async (index) => {
    await contest.trigger(`warm-${index}`);
    await contest.bare(`warm-${index}`);
  });
  bench.add(`On ${server}:`);
  bench.add(await comparePairs(contest, times, withinMs * 2));
  bench.add(await compareLoad(contest, times * 2, withinMs / 2));
  await fn.forget();
  bench.add(await countCalls(contest, Math.ceil(warm / 2)));
  const atEnd = await fn.probe();
  bench.add({
    columns: ['memory of the function process', 'RSS'],
    rows: [
      ['before (one trigger)', atStart && megabytes(atStart.rssBytes)],
      ['after', atEnd && megabytes(atEnd.rssBytes)],
      ['most', atEnd && megabytes(atEnd.maxRssBytes)],
    ],
  });
};

const onRealServer = async (bench: Bench): Promise<void> => {
  if (assetsDir() === null) {
    bench.add('On a real kube-apiserver: skipped, none is on this machine ("npm run real:build" makes it).');
    return;
  }
  const { server: url, token, caPem, kubeconfig } = bench.scope.keep(await startRealCluster());
  await compare(bench, 'a real kube-apiserver and etcd, with its controller manager', {
    api: { url, token, caPem, kubeconfig },
  });
};

export const trigger: Section = {
  name: 'trigger',
  title: 'Warm trigger',
  about:
    'POST / with an explicit list of two updates: checks, preflight of the Secret, claim, Job, record. Beside it one keep-alive POST of the very same Job by undici to the same API server, which checks and remembers nothing. The function runs under functions-framework; the embedded bucket, the API server and the client each in a process of its own, on this machine.',
  run: async (bench) => {
    await compare(bench, 'the embedded Kubernetes API', {});
    await onRealServer(bench);
  },
};
