import {
  BatchV1Api,
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  V1MicroTime,
  Watch,
} from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { eventually, startApi } from './api.ts';

const namespace = 'default';

async function start(): Promise<KubeConfig> {
  const { server } = await startApi();
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'local', server: server.url, skipTLSVerify: true }],
    users: [{ name: 'nobody' }],
    contexts: [{ name: 'local', cluster: 'local', user: 'nobody' }],
    currentContext: 'local',
  });
  return config;
}

describe('@kubernetes/client-node', () => {
  test('creates a Job without saying kind and version, strictly', async () => {
    const batch = (await start()).makeApiClient(BatchV1Api);
    const body = {
      metadata: { name: 'j' },
      spec: {
        backoffLimit: 0,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    const job = await batch.createNamespacedJob({ namespace, body, fieldManager: 'test', fieldValidation: 'Strict' });
    expect(job.kind).toBe('Job');
    expect(job.metadata?.creationTimestamp).toBeInstanceOf(Date);
    expect(job.metadata?.managedFields?.[0]).toMatchObject({ manager: 'test', operation: 'Update' });
    await expect(batch.createNamespacedJob({ namespace, body })).rejects.toMatchObject({ code: 409 });
    const dry = { ...body, metadata: { name: 'dry' } };
    expect((await batch.createNamespacedJob({ namespace, body: dry, dryRun: 'All' })).metadata?.uid).toBeDefined();
    await expect(batch.readNamespacedJob({ namespace, name: 'dry' })).rejects.toMatchObject({ code: 404 });
    const running = await eventually(async () => {
      const { status } = await batch.readNamespacedJobStatus({ namespace, name: 'j' });
      return status?.active === 1 ? status : undefined;
    });
    expect(running.startTime).toBeInstanceOf(Date);
  });

  test('applies by patch with the content type of server-side apply', async () => {
    const core = (await start()).makeApiClient(CoreV1Api);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'k' }, data: { a: '1' } };
    const options = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply);
    const applied = await core.patchNamespacedConfigMap(
      { name: 'k', namespace, body, fieldManager: 'A', force: true },
      options,
    );
    expect(applied.metadata?.managedFields?.[0]).toMatchObject({ manager: 'A', operation: 'Apply' });
    // Without the header it would be a JSON patch, which this is none.
    await expect(core.patchNamespacedConfigMap({ name: 'k', namespace, body })).rejects.toMatchObject({ code: 400 });
  });

  test('replaces with versions, deletes with preconditions', async () => {
    const core = (await start()).makeApiClient(CoreV1Api);
    const made = await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'k' } } });
    const stale = { metadata: { name: 'k', resourceVersion: '1' } };
    await expect(core.replaceNamespacedConfigMap({ name: 'k', namespace, body: stale })).rejects.toMatchObject({
      code: 409,
    });
    const wrong = { preconditions: { uid: 'bogus' } };
    await expect(core.deleteNamespacedConfigMap({ name: 'k', namespace, body: wrong })).rejects.toMatchObject({
      code: 409,
    });
    const right = { preconditions: { uid: made.metadata?.uid ?? '' } };
    expect(await core.deleteNamespacedConfigMap({ name: 'k', namespace, body: right })).toMatchObject({
      status: 'Success',
    });
  });

  test('keeps microseconds in Leases', async () => {
    const api = (await start()).makeApiClient(CoordinationV1Api);
    const renewTime = new V1MicroTime();
    const lease = await api.createNamespacedLease({
      namespace,
      body: { metadata: { generateName: 'l-' }, spec: { holderIdentity: 'x', renewTime } },
    });
    expect(lease.metadata?.name).toMatch(/^l-[a-z0-9]{5}$/);
    // The client gives the text back as it came.
    expect(String(lease.spec?.renewTime)).toContain(renewTime.toISOString().slice(0, 23));
  });

  test('reads discovery for untyped objects', async () => {
    const api = KubernetesObjectApi.makeApiClient(await start());
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'any', namespace } };
    await api.create(body);
    expect(await api.read(body)).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'any' } });
  });

  test('watches, by itself and as an informer', async () => {
    const config = await start();
    const core = config.makeApiClient(CoreV1Api);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const phases: string[] = [];
    const controller = await new Watch(config).watch(
      path,
      {},
      (phase) => phases.push(phase),
      () => undefined,
    );
    const informer = makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace }));
    const names: string[] = [];
    informer.on('add', (object) => names.push(object.metadata?.name ?? ''));
    await informer.start();
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'seen' } } });
    await core.deleteNamespacedConfigMap({ name: 'seen', namespace });
    await eventually(() => (phases.length === 2 && names.length === 1 ? true : undefined));
    expect(phases).toEqual(['ADDED', 'DELETED']);
    expect(names).toEqual(['seen']);
    controller.abort();
    await informer.stop();
  });
});
