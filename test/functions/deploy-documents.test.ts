import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { startDeploy } from './deploy-world.ts';
import type { DeployWorld } from './deploy-world.ts';

const file = (name: string): string =>
  readFileSync(new URL(`../../infra/examples/values.${name}.yaml`, import.meta.url), 'utf8');
const basic = file('basic');
const tags = (repository: string): string => `set=repository.deployment.tag=${repository}&set=flea.deployment.tag=ok`;

const call = async (world: DeployWorld, method: string, path: string, body?: string, accept = '*/*') => {
  const headers = { accept };
  const response = await fetch(`${world.url}${path}`, { method, headers, ...(body !== undefined && { body }) });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, text, body: type.includes('json') ? JSON.parse(text) : {} };
};

interface Manifest {
  readonly kind: string;
  readonly metadata: Record<string, unknown>;
}

const manifestsOf = (text: string): Manifest[] => parseAllDocuments(text).map((document) => document.toJS());

describe('the documents of a release', () => {
  test('manifest, values and notes of the current revision and of an earlier one', async () => {
    const world = await startDeploy();
    await call(world, 'POST', `/demo?${tags('ok')}`, basic);
    await call(world, 'POST', `/demo?${tags('ok-2')}`, basic);
    const manifest = await call(world, 'GET', '/demo/manifest');
    expect(manifest).toMatchObject({ status: 200, type: 'application/yaml; charset=utf-8' });
    const objects = manifestsOf(manifest.text);
    expect(objects.map(({ kind }) => kind)).toEqual(['Service', 'Service', 'Deployment', 'Deployment']);
    expect(manifest.text).toContain('image: docai/tensorio-models:ok-2');
    // Clean: nothing that only the API server sets.
    for (const { metadata } of objects)
      for (const field of ['uid', 'resourceVersion', 'managedFields', 'creationTimestamp'])
        expect(metadata).not.toHaveProperty(field);
    const earlier = await call(world, 'GET', '/demo/manifest?revision=1');
    expect(earlier.text).toContain('image: docai/tensorio-models:ok\n');
    const json = await call(world, 'GET', '/demo/manifest', undefined, 'application/json');
    expect(json.body).toMatchObject({ apiVersion: 'v1', kind: 'List', items: objects });

    const values = await call(world, 'GET', '/demo/values');
    expect(parse(values.text)).toMatchObject({ repository: { deployment: { tag: 'ok-2' } } });
    const again = await call(world, 'POST', '/demo', values.text);
    expect(again.body).toMatchObject({ outcome: 'unchanged', revision: 2 });

    const notes = await call(world, 'GET', '/demo/notes');
    expect(notes).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' });
    const { body } = await call(world, 'GET', '/demo/notes', undefined, 'application/json');
    expect(notes.text).toBe(body.notes.map((note: string) => `${note}\n`).join(''));

    expect(await call(world, 'GET', '/demo/values?revision=9')).toMatchObject({
      status: 404,
      body: { detail: 'Release "demo" has no revision 9. It has: 1 (superseded), 2 (deployed).' },
    });
    expect(await call(world, 'GET', '/other/manifest')).toMatchObject({ status: 404 });
  });

  test('a client dry run is YAML on request, with the Job of the aggregation', async () => {
    const world = await startDeploy();
    const both = `${basic}\n${file('aggregator').replace(/^namespace:.*$/m, '')}`;
    const path = `/demo?dryRun=client&${tags('ok')}`;
    const rendered = await call(world, 'POST', path, both, 'application/yaml');
    expect(rendered).toMatchObject({ status: 200, type: 'application/yaml; charset=utf-8' });
    expect(manifestsOf(rendered.text).map(({ kind }) => kind)).toEqual([
      'Service',
      'Service',
      'Deployment',
      'Deployment',
      'Job',
    ]);
    expect(await world.objects()).toEqual([]);
    expect(await call(world, 'POST', path, 'namespace: default\n', 'application/yaml')).toMatchObject({ status: 422 });
  });
});

describe('what a list and a release show', () => {
  test('status, description, images, times and the hash of the values', async () => {
    const world = await startDeploy();
    await call(world, 'POST', `/demo?${tags('ok')}&description=first`, basic);
    await call(world, 'POST', `/other?${tags('crash')}`, basic);
    const { body } = await call(world, 'GET', '/');
    const shown = {
      release: 'demo',
      status: 'deployed',
      description: 'first',
      images: ['docai/tensorio-models:ok', 'docai/flea:ok'],
      valuesHash: expect.stringMatching(/^[0-9a-f]{16}$/),
      createdAt: expect.any(String),
      finishedAt: expect.any(String),
    };
    expect(body.releases).toMatchObject([shown, { release: 'other', status: 'failed' }]);
    expect((await call(world, 'GET', '/demo')).body).toMatchObject(shown);
    expect((await call(world, 'GET', '/demo/history')).body).toMatchObject({ revisions: [{ description: 'first' }] });
    expect((await call(world, 'GET', '/?status=failed')).body.releases).toMatchObject([{ release: 'other' }]);
    expect((await call(world, 'GET', '/?limit=1')).body.releases).toMatchObject([{ release: 'demo' }]);
    expect(await call(world, 'GET', '/?status=broken')).toMatchObject({ status: 400 });
  });

  test('a rolled-back release is deployed, and its history has the failed revision; a kept one has failed', async () => {
    const world = await startDeploy();
    await call(world, 'POST', `/demo?${tags('ok')}`, basic);
    await call(world, 'POST', `/demo?${tags('crash')}`, basic);
    expect((await call(world, 'GET', '/demo')).body).toMatchObject({
      status: 'deployed',
      revision: 1,
      lastFailure: { revision: 2, status: 'failed' },
    });
    expect((await call(world, 'GET', '/')).body.releases).toMatchObject([{ status: 'deployed', revision: 1 }]);
    expect((await call(world, 'GET', '/demo/history')).body).toMatchObject({
      revisions: [
        { revision: 2, status: 'failed' },
        { revision: 1, status: 'deployed' },
      ],
    });
    await call(world, 'POST', `/demo?${tags('crash')}&onFailure=keep`, basic);
    expect((await call(world, 'GET', '/demo')).body).toMatchObject({ status: 'failed', revision: 1 });
  });
});

test('a dry run of an uninstall lists what would be deleted, and deletes nothing', async () => {
  const world = await startDeploy();
  await call(world, 'POST', `/demo?${tags('ok')}`, basic);
  const before = await world.objects();
  const planned = await call(world, 'DELETE', '/demo?dryRun=true');
  expect(planned.body).toMatchObject({ outcome: 'dry-run', revision: 1 });
  expect(planned.body.objects).toHaveLength(4);
  expect(await world.objects()).toEqual(before);
  expect(await call(world, 'DELETE', '/none?dryRun=true')).toMatchObject({ status: 404 });
});
