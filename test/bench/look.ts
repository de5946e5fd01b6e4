import { expectStatus } from './client.ts';
import type { MeasuredFunction } from './measured-function.ts';
import type { Cell } from './report.ts';
import { count, megabytes, ms } from './report.ts';
import { sentBetween } from './servers.ts';
import { median } from './stats.ts';
import type { World } from './world.ts';

/** The columns of {@link measurePost}. */
export const POST_COLUMNS = [
  'time',
  'CPU',
  'longest block',
  'upstream calls',
  'lists',
  'reads',
  'writes',
  'RSS',
  'most RSS',
] as const;

/** Posts to `path` of the function, `repeats` times one after the other: the middle time, and what one call took. */
export const measurePost = async (
  world: World,
  fn: MeasuredFunction,
  path: string,
  repeats = 1,
): Promise<{ readonly cells: Cell[]; readonly text: string }> => {
  await fn.forget();
  const [before, sentBefore] = [await fn.probe(), await world.storage.counts()];
  const times: number[] = [];
  let text = '';
  for (let turn = 0; turn < repeats; turn += 1) {
    const startedAt = performance.now();
    text = expectStatus(await world.client.send('POST', `${fn.url}${path}`), [200], `POST ${path}`).text;
    times.push(performance.now() - startedAt);
  }
  const calls = await fn.upstreamCalls(repeats);
  const [sent, after] = [sentBetween(sentBefore, await world.storage.counts()), await fn.probe()];
  const cells = [
    ms(median(times)),
    before && after && ms((after.cpuMs - before.cpuMs) / repeats),
    after && ms(after.blockedMs),
    count(median(calls)),
    count(sent.lists / repeats),
    count(sent.reads / repeats),
    count(sent.writes / repeats),
    after && megabytes(after.rssBytes),
    after && megabytes(after.maxRssBytes),
  ];
  return { cells, text };
};
