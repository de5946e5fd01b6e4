import { assetsDir } from '../real/assets.ts';
import { startRealCluster } from '../real/cluster.ts';
import type { Timed } from './client.ts';
import { runInFlight } from './client.ts';
import type { Contest } from './contest.ts';
import { startContest } from './contest.ts';
import type { Row, Table } from './report.ts';
import { count, megabytes, ms, perSecond, ratio } from './report.ts';
import type { Bench, Section } from './section.ts';
import { openTable, sizeOf } from './section.ts';
import { sentBetween } from './servers.ts';
import { mean, median, quantile } from './stats.ts';
import type { WorldOptions } from './world.ts';

const timeOf = async (work: Promise<void>): Promise<number> => {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
};

const quantilesOf = (name: string, values: readonly number[]): Row => [
  name,
  ms(quantile(values, 0.5)),
  ms(quantile(values, 0.99)),
];

const ratiosOf = (name: string, over: readonly number[], under: readonly number[]): Row => [
  name,
  ratio(quantile(over, 0.5) / quantile(under, 0.5)),
  ratio(quantile(over, 0.99) / quantile(under, 0.99)),
];

/** One after the other in turn: whatever else the machine does meets all alike. */
const compareInTurn = async (contest: Contest, times: number, withinMs: number): Promise<Table> => {
  const { trigger, bare, bareCalls } = contest;
  const [triggers, bares, calls, again]: [number[], number[], number[], number[]] = [[], [], [], []];
  await runInFlight({ inFlight: 1, times, withinMs }, async (index) => {
    triggers.push(await timeOf(trigger(`turn-${index}`)));
    bares.push(await timeOf(bare(`turn-${index}`)));
    calls.push(await timeOf(bareCalls(`turn-${index}`)));
    again.push(await timeOf(trigger(`turn-${index}`, 200)));
  });
  return {
    columns: [`one at a time, ${triggers.length} of each in turn`, 'p50', 'p99'],
    rows: [
      quantilesOf('trigger: a run is created', triggers),
      quantilesOf('bare keep-alive POST of the same Job', bares),
      ratiosOf('trigger / bare POST', triggers, bares),
      quantilesOf('all requests that the trigger makes, bare', calls),
      ratiosOf('trigger / its requests, bare', triggers, calls),
      quantilesOf('trigger again: the run exists', again),
    ],
  };
};

const compareLoad = async (bench: Bench, contest: Contest, times: number, withinMs: number): Promise<void> => {
  const add = openTable(bench, ['in flight', 'triggers', 'bare POSTs', 'bare / trigger', 'trigger p50', 'trigger p99']);
  for (const inFlight of [1, 8, 32]) {
    const load = { inFlight, times, withinMs };
    const triggers = await runInFlight(load, (index) => contest.trigger(`load-${inFlight}-${index}`));
    const bares = await runInFlight(load, (index) => contest.bare(`load-${inFlight}-${index}`));
    const rate = ({ eachMs, seconds }: Timed): number => eachMs.length / seconds;
    add([
      String(inFlight),
      perSecond(rate(triggers)),
      perSecond(rate(bares)),
      ratio(rate(bares) / rate(triggers)),
      ms(median(triggers.eachMs)),
      ms(quantile(triggers.eachMs, 0.99)),
    ]);
  }
};

/** Calls and CPU are counted where nothing but new runs is asked for. */
const countCalls = async ({ world, fn, trigger }: Contest, times: number): Promise<Table> => {
  await fn.forget();
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
  const { fn, trigger, bare, bareCalls } = contest;
  const { warm, times, withinMs } = sizeOf(bench, {
    quick: { warm: 20, times: 60, withinMs: 500 },
    normal: { warm: 100, times: 300, withinMs: 5_000 },
  });
  const atStart = await fn.probe();
  await runInFlight({ inFlight: 1, times: warm, withinMs }, async (index) => {
    await Promise.all([trigger(`warm-${index}`), bare(`warm-${index}`), bareCalls(`warm-${index}`)]);
  });
  bench.add(`On ${server}:`);
  bench.add(await compareInTurn(contest, times, withinMs * 2));
  await compareLoad(bench, contest, times * 2, withinMs / 2);
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
  const why =
    bench.effort === 'quick'
      ? 'it is not asked with --quick'
      : assetsDir() === null
        ? 'none is on this machine; "npm run real:build" makes it'
        : null;
  if (why !== null) return bench.add(`On a real kube-apiserver: skipped, ${why}.`);
  const { server: url, token, caPem, kubeconfig } = bench.scope.keep(await startRealCluster());
  return compare(bench, 'a real kube-apiserver and etcd, with its controller manager', {
    api: { url, token, caPem, kubeconfig },
  });
};

export const trigger: Section = {
  name: 'trigger',
  title: 'Warm trigger',
  about:
    'POST / with an explicit list of two updates: checks, preflight of the Secret, claim, Job, record. Beside it one keep-alive POST of the very same Job by undici to the same API server, which checks and remembers nothing. The function runs under functions-framework from its source; the embedded bucket, the API server and the client each in a process of its own, on this machine.',
  run: async (bench) => {
    await compare(bench, 'the embedded Kubernetes API', {});
    await onRealServer(bench);
  },
};
