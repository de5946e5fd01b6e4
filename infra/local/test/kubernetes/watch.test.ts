import { describe, expect, test } from 'vitest';
import { at, configMap, configMaps, mergePatch, startApi, textAt } from './api.ts';
import { startWatch, summaries } from './watching.ts';

describe('a watch', () => {
  test('sends its headers before there is any event', async () => {
    const { server } = await startApi();
    const watch = await startWatch(server.url, `${configMaps}?watch=true&resourceVersion=2`);
    expect(watch.code).toBe(200);
    expect(watch.events).toEqual([]);
  });

  test('tells what happens after the version it starts from, in order', async () => {
    const { server, call } = await startApi();
    const list = await call('GET', configMaps);
    const version = textAt(list.body, 'metadata.resourceVersion');
    await call('POST', configMaps, configMap('early'));
    const watch = await startWatch(server.url, `${configMaps}?watch=1&resourceVersion=${version}`);
    await call('PATCH', `${configMaps}/early`, { data: { a: '2' } }, mergePatch);
    await call('DELETE', `${configMaps}/early`);
    expect(summaries(await watch.until(3))).toEqual(['ADDED early', 'MODIFIED early', 'DELETED early']);
    const versions = watch.events.map(({ object }) => Number(textAt(object, 'metadata.resourceVersion')));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(versions).size).toBe(3);
  });

  test('without a version begins with what there is', async () => {
    const { server, call } = await startApi();
    await call('POST', configMaps, configMap('b'));
    await call('POST', configMaps, configMap('a'));
    const watch = await startWatch(server.url, `${configMaps}?watch=true`);
    expect(summaries(await watch.until(2))).toEqual(['ADDED a', 'ADDED b']);
  });

  test('sendInitialEvents ends the state with an annotated bookmark', async () => {
    const { server, call } = await startApi();
    await call('POST', configMaps, configMap('a'));
    const query = 'watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
    const watch = await startWatch(server.url, `${configMaps}?${query}`);
    const [, bookmark] = await watch.until(2);
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    });
  });

  test('with a selector: an object that stops matching is deleted, one that starts to is added', async () => {
    const { server, call } = await startApi();
    const watch = await startWatch(server.url, `${configMaps}?watch=true&labelSelector=app%3Dx`);
    await call('POST', configMaps, configMap('w', { app: 'x' }));
    function relabel(app: string): Promise<unknown> {
      return call('PATCH', `${configMaps}/w`, { metadata: { labels: { app } } }, mergePatch);
    }
    await relabel('y');
    await relabel('x');
    expect(summaries(await watch.until(3))).toEqual(['ADDED w', 'DELETED w', 'ADDED w']);
    expect(at(watch.events[1]?.object, 'metadata.labels')).toEqual({ app: 'x' });
  });

  test('of one namespace hears nothing of another', async () => {
    const { server, call } = await startApi();
    const watch = await startWatch(server.url, `${configMaps}?watch=true`);
    await call('POST', '/api/v1/namespaces/kube-system/configmaps', configMap('there'));
    await call('POST', configMaps, configMap('here'));
    expect(summaries(await watch.until(1))).toEqual(['ADDED here']);
  });

  test('from a version that is forgotten is 200 with an ERROR of 410', async () => {
    const { server, call } = await startApi({ historyLimit: 4 });
    for (let index = 0; index < 8; index += 1) await call('POST', configMaps, configMap(`c${index}`));
    const watch = await startWatch(server.url, `${configMaps}?watch=true&resourceVersion=1`);
    expect(watch.code).toBe(200);
    expect(await watch.until(1)).toMatchObject([
      { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } },
    ]);
    await watch.ended();
  });

  test('ends by itself after timeoutSeconds, with a bookmark before', async () => {
    const { server } = await startApi();
    const watch = await startWatch(server.url, `${configMaps}?watch=true&timeoutSeconds=1&allowWatchBookmarks=true`);
    await watch.ended();
    expect(summaries(watch.events)).toEqual(['BOOKMARK']);
  });

  test('as a table sends the columns with its first event only', async () => {
    const { server, call } = await startApi();
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const watch = await startWatch(server.url, `${configMaps}?watch=true`, { accept });
    await call('POST', configMaps, configMap('a'));
    await call('POST', configMaps, configMap('b'));
    const [first, second] = await watch.until(2);
    expect(at(first?.object, 'columnDefinitions')).toHaveLength(3);
    expect(at(second?.object, 'columnDefinitions')).toBeNull();
    expect(at(second?.object, 'rows')).toMatchObject([{ cells: ['b', 1, expect.any(String)] }]);
  });

  test('refuses sendInitialEvents without resourceVersionMatch', async () => {
    const { call } = await startApi();
    const answer = await call('GET', `${configMaps}?watch=true&sendInitialEvents=true`);
    expect(answer.code).toBe(422);
    expect(answer.text).toContain('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  });
});

describe('a list in pages', () => {
  test('is the state of its first page, whatever is written meanwhile', async () => {
    const { call } = await startApi();
    for (const name of ['a', 'b', 'c']) await call('POST', configMaps, configMap(name));
    const first = await call('GET', `${configMaps}?limit=2`);
    await call('POST', configMaps, configMap('bb'));
    await call('DELETE', `${configMaps}/c`);
    const token = encodeURIComponent(textAt(first.body, 'metadata.continue'));
    const second = await call('GET', `${configMaps}?limit=2&continue=${token}`);
    expect(at(first.body, 'metadata.remainingItemCount')).toBe(1);
    expect(at(second.body, 'items')).toMatchObject([{ metadata: { name: 'c' } }]);
    expect(at(second.body, 'metadata.resourceVersion')).toBe(at(first.body, 'metadata.resourceVersion'));
  });

  test('whose state is forgotten is 410, with a token to go on at the newest', async () => {
    const { call } = await startApi({ historyLimit: 4 });
    for (const name of ['a', 'b', 'c']) await call('POST', configMaps, configMap(name));
    const first = await call('GET', `${configMaps}?limit=1`);
    for (let index = 0; index < 8; index += 1) await call('POST', configMaps, configMap(`later-${index}`));
    const token = encodeURIComponent(textAt(first.body, 'metadata.continue'));
    const expired = await call('GET', `${configMaps}?limit=1&continue=${token}`);
    expect(expired).toMatchObject({ code: 410, body: { reason: 'Expired' } });
    const fresh = encodeURIComponent(textAt(expired.body, 'metadata.continue'));
    const rest = await call('GET', `${configMaps}?limit=1&continue=${fresh}`);
    expect(at(rest.body, 'items')).toMatchObject([{ metadata: { name: 'b' } }]);
  });
});
