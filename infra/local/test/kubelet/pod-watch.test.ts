import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { createApi } from '../../kubelet/api.ts';
import { watchPods } from '../../kubelet/pod-watch.ts';
import type { Pod } from '../../kubelet/types.ts';
import { closeServer, listenOnLoopback, urlOf } from '../../loopback.ts';
import { until } from './pod-world.ts';

type Answer = (response: ServerResponse) => void;

function buildPod(name: string, resourceVersion: string) {
  return {
    metadata: { name, namespace: 'n', uid: `uid-${name}`, resourceVersion },
    spec: { containers: [] },
  };
}

function list(resourceVersion: string, ...names: string[]): Answer {
  return (response) =>
    void response.end(
      JSON.stringify({ metadata: { resourceVersion }, items: names.map((name) => buildPod(name, resourceVersion)) }),
    );
}

/** Sends events and then ends the watch, cuts the connection, or leaves it open. */
function watch(events: object[], then: 'end' | 'cut' | 'open' = 'end'): Answer {
  return (response) => {
    response.writeHead(200);
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    response.write(text === '' ? ' \n' : text, () => {
      if (then === 'end') response.end();
      if (then === 'cut') response.destroy();
    });
  };
}

function refuse(code: number, reason: string): Answer {
  return (response) =>
    void response.writeHead(code).end(JSON.stringify({ kind: 'Status', code, reason, message: 'refused' }));
}

/** An API server that gives the answers in turn, then leaves every request open. */
async function start(answers: Answer[]) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = urlOf(request);
    requests.push(searchParams.get('watch') === 'true' ? `watch ${searchParams.get('resourceVersion')}` : 'list');
    (answers.shift() ?? watch([], 'open'))(response);
  });
  const api = createApi({ server: `http://127.0.0.1:${await listenOnLoopback(server)}` });
  const stop = new AbortController();
  const seen: string[] = [];
  const reports: string[] = [];
  function say(word: string) {
    return ({ metadata: { name } }: Pod): void => void seen.push(`${word} ${name}`);
  }
  const handlers = {
    replace: (pods: readonly Pod[]): void => void seen.push(`all ${pods.map(({ metadata: { name } }) => name).join()}`),
    apply: say('apply'),
    remove: say('remove'),
  };
  onTestFinished(async () => {
    stop.abort();
    await api.close();
    await closeServer(server);
  });
  function report(message: string): void {
    return void reports.push(message);
  }
  const watching = await watchPods({ api, handlers, signal: stop.signal, retryMs: 1, report });
  return { seen, requests, reports, stop, watching };
}

test('goes on from the last version seen when a watch ends, bookmarks included', async () => {
  const { seen, requests } = await start([
    list('5', 'a'),
    watch([{ type: 'ADDED', object: buildPod('b', '6') }]),
    watch([{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } }]),
    watch([{ type: 'DELETED', object: buildPod('b', '10') }]),
  ]);
  await until(async () => expect(requests).toHaveLength(5));
  expect(requests).toEqual(['list', 'watch 5', 'watch 6', 'watch 9', 'watch 10']);
  expect(seen).toEqual(['all a', 'apply b', 'remove b']);
});

test.each([
  [
    'an ERROR event',
    watch([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } }]),
  ],
  ['an answer', refuse(410, 'Expired')],
])('lists again when the version is gone, reported by %s', async (_, gone) => {
  const { seen, requests, reports } = await start([list('5', 'a'), gone, list('20', 'a', 'c')]);
  await until(async () => expect(requests).toHaveLength(4));
  expect(requests).toEqual(['list', 'watch 5', 'list', 'watch 20']);
  expect(seen).toEqual(['all a', 'all a,c']);
  expect(reports).toEqual([]);
});

test('comes back after a cut connection and says once that it was lost', async () => {
  const cut: Answer = (response) => void response.destroy();
  const { requests, reports, seen } = await start([
    list('5'),
    watch([{ type: 'MODIFIED', object: buildPod('a', '6') }], 'cut'),
    cut,
    cut,
    watch([{ type: 'MODIFIED', object: buildPod('a', '7') }], 'open'),
  ]);
  await until(async () => expect(seen).toEqual(['all ', 'apply a', 'apply a']));
  expect(requests.at(-1)).toBe('watch 6');
  expect(reports).toHaveLength(1);
});

test('ends when it is stopped', async () => {
  const { stop, watching } = await start([list('5')]);
  stop.abort();
  await expect(watching.ended).resolves.toBeUndefined();
});

test('throws when the first list is refused', async () => {
  await expect(start([refuse(403, 'Forbidden')])).rejects.toThrow('refused');
});
