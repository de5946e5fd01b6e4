import { describe, expect, test } from 'vitest';
import { at, startApi, upload } from './api.ts';

function notImplemented(what: string) {
  return { status: 501, text: expect.stringContaining(what) };
}

describe('objects.list', () => {
  test('an empty bucket has a kind and nothing else', async () => {
    const api = await startApi();
    expect((await api.send('GET', '/storage/v1/b/bkt/o')).json).toEqual({ kind: 'storage#objects' });
  });

  test('gives resources, folded prefixes, and a token that leads to the rest', async () => {
    const api = await startApi();
    for (const name of ['a', 'b/1', 'b/2', 'c']) await api.put(name, name);
    function list(query: string) {
      return api.send('GET', `/storage/v1/b/bkt/o?delimiter=/&maxResults=2&${query}`);
    }
    const first = (await list('')).json;
    expect(first).toMatchObject({ items: [{ kind: 'storage#object', name: 'a', size: '1' }], prefixes: ['b/'] });
    const second = (await list(`pageToken=${String(first['nextPageToken'])}`)).json;
    expect(second).toMatchObject({ items: [{ name: 'c' }] });
    expect(second).not.toHaveProperty('nextPageToken');
    expect((await list('fields=prefixes,items(name)')).json).toEqual({ items: [{ name: 'a' }], prefixes: ['b/'] });
  });

  test('shows every change at once', async () => {
    const api = await startApi();
    async function names() {
      const { json } = await api.send('GET', '/storage/v1/b/bkt/o?fields=items/name');
      return JSON.stringify(json);
    }
    for (let round = 0; round < 20; round += 1) {
      await api.put(`n${round}`, '');
      expect(await names()).toContain(`"n${round}"`);
      await api.send('DELETE', at(`n${round}`));
      expect(await names()).toBe('{}');
    }
  });

  test('versions=true gives the live ones: there are no others', async () => {
    const api = await startApi();
    await api.put('a', '1');
    const generation = await api.put('a', '2');
    const { json } = await api.send('GET', '/storage/v1/b/bkt/o?versions=true');
    expect(json).toMatchObject({ items: [{ name: 'a', generation }] });
  });

  test.each(['matchGlob=**', 'softDeleted=true', 'filter=x', 'unheardOf=1'])(
    '%s is refused with 501',
    async (query) => {
      const api = await startApi();
      const name = query.split('=')[0] ?? '';
      expect(await api.send('GET', `/storage/v1/b/bkt/o?${query}`)).toMatchObject(notImplemented(name));
    },
  );

  test.each(['maxResults=x', 'pageToken=!', 'fields=a('])('%s is refused with 400', async (query) => {
    const api = await startApi();
    expect((await api.send('GET', `/storage/v1/b/bkt/o?${query}`)).status).toBe(400);
  });
});

describe('buckets', () => {
  test('are made, shown, listed in pages, and deleted when empty', async () => {
    const api = await startApi();
    const made = await api.send('POST', '/storage/v1/b?project=p', '{"name":"new-one","location":"eu"}');
    expect(made).toMatchObject({ status: 200, json: { kind: 'storage#bucket', name: 'new-one', location: 'EU' } });
    expect((await api.send('GET', '/storage/v1/b/new-one')).json).toEqual(made.json);
    const page = (await api.send('GET', '/storage/v1/b?project=p&maxResults=1')).json;
    expect(page).toMatchObject({ items: [{ name: 'bkt' }] });
    const next = `/storage/v1/b?project=p&maxResults=1&pageToken=${String(page['nextPageToken'])}`;
    expect((await api.send('GET', next)).json).toMatchObject({ items: [{ name: 'new-one' }] });
    expect((await api.send('POST', '/storage/v1/b?project=p', '{"name":"new-one"}')).status).toBe(409);
    await api.send('POST', upload('f').replace('/bkt/', '/new-one/'), 'x');
    expect((await api.send('DELETE', '/storage/v1/b/new-one')).status).toBe(409);
    await api.send('DELETE', '/storage/v1/b/new-one/o/f');
    expect((await api.send('DELETE', '/storage/v1/b/new-one')).status).toBe(204);
    expect((await api.send('GET', '/storage/v1/b/new-one')).status).toBe(404);
  });

  test('a missing bucket is distinguished from a missing object', async () => {
    const api = await startApi();
    expect((await api.send('GET', '/storage/v1/b/nope/o/x')).text).toContain('The specified bucket does not exist.');
    expect((await api.send('GET', at('x'))).text).toContain('No such object: bkt/x');
  });

  test('a download that is not there is answered in plain words, as by the real service', async () => {
    const api = await startApi();
    expect(await api.send('GET', `${at('x')}?alt=media`)).toMatchObject({ status: 404, text: 'No such object: bkt/x' });
  });

  test('what gcloud asks of a bucket before it moves, and of its notifications', async () => {
    const api = await startApi();
    const layout = (await api.send('GET', '/storage/v1/b/bkt/storageLayout?alt=json')).json;
    expect(layout).toMatchObject({ kind: 'storage#storageLayout', hierarchicalNamespace: { enabled: false } });
    const configs = await api.send('GET', '/storage/v1/b/bkt/notificationConfigs?alt=json&userProject=p');
    expect(configs.json).toEqual({ kind: 'storage#notifications' });
  });

  test.each([
    ['POST', '/storage/v1/b?project=p', '{"name":"x-1","versioning":{"enabled":true}}'],
    ['POST', '/storage/v1/b/bkt/notificationConfigs', '{}'],
    ['GET', '/storage/v1/b/bkt/iam', undefined],
    ['GET', '/bkt/f', undefined],
    ['POST', '/batch/storage/v1', ''],
    ['PATCH', '/storage/v1/b/bkt', '{}'],
  ])('%s %s is refused with 501 that says so', async (method, path, body) => {
    const api = await startApi();
    expect(await api.send(method, path, body)).toMatchObject(notImplemented('does not support'));
  });

  test('a name with slashes that are not encoded says what to do', async () => {
    const api = await startApi();
    const answer = await api.send('GET', '/storage/v1/b/bkt/o/a/b');
    expect(answer).toMatchObject({ status: 404, text: expect.stringContaining('%2F') });
  });

  test('the path of STORAGE_EMULATOR_HOST, without /storage/v1, works too', async () => {
    const api = await startApi();
    await api.put('f', 'text');
    expect((await api.send('GET', '/b/bkt/o/f?alt=media')).text).toBe('text');
  });
});
