import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { parseConfig } from '../../src/config.ts';
import { createDeploy } from '../../src/functions/deploy.ts';
import { serveFunction } from '../helpers/serve-function.ts';
import { wire } from '../../src/wire.ts';
import { describeReal } from '../real/describe-real.ts';
import { createApiReleaseWorld } from '../release/api-world.ts';

type Probe = Parameters<ReleaseCluster['probeService']>;

const file = readFileSync(new URL('../../infra/examples/values.basic.yaml', import.meta.url), 'utf8');

describeReal('deploy, as it is wired, on a real API server', (real) => {
  test('installs, describes, fails with evidence, uninstalls', { timeout: 120_000 }, async () => {
    const world = await createApiReleaseWorld(real().access);
    onTestFinished(() => world.close());
    const config = parseConfig({
      STATE_URI: 'gs://state',
      KUBECONFIG: real().kubeconfig,
      ...(real().context !== undefined && { KUBECONFIG_CONTEXT: real().context }),
      ALLOWED_NAMESPACES: world.namespace,
      ALLOWED_BUCKETS: 'example-repository',
    });
    const deps = wire(config, () => undefined).deploy;
    // No kubelet, so nothing of a pod can be asked: the world answers in its stead.
    const cluster = {
      ...deps.release.cluster,
      probeService: async (...probe: Probe) => world.cluster.probeService(...probe),
    };
    const served = await serveFunction(createDeploy({ ...deps, release: { ...deps.release, cluster } }), deps);
    onTestFinished(() => served.close());
    const call = async (method: string, path: string, body?: string) => {
      const response = await fetch(`${served.url}${path}`, { method, ...(body !== undefined && { body }) });
      return { status: response.status, body: await response.json() };
    };
    const values = file.replace(/^namespace:.*$/m, `namespace: ${world.namespace}`);
    const tags = (repository: string): string =>
      `set=repository.deployment.tag=${repository}&set=flea.deployment.tag=ok&timeoutSec=60`;

    const made = await call('POST', `/demo?${tags('ok')}`, values);
    expect(made).toMatchObject({ status: 201, body: { outcome: 'deployed', revision: 1 } });
    expect(made.body).toMatchObject({ health: [{ status: 'SERVING' }, { status: 'SERVING' }] });
    expect(await call('POST', `/demo?${tags('ok')}`, values)).toMatchObject({
      status: 200,
      body: { outcome: 'unchanged' },
    });
    const failed = await call('POST', `/demo?${tags('bad-name')}`, values);
    expect(failed).toMatchObject({
      status: 422,
      body: { outcome: 'rolled-back', evidence: [{ reason: 'InvalidImageName' }] },
    });
    expect(await call('GET', '/demo')).toMatchObject({
      status: 200,
      body: { revision: 1, lastFailure: { revision: 2 } },
    });
    expect(await call('DELETE', '/demo')).toMatchObject({ status: 200, body: { outcome: 'uninstalled' } });
    expect(await world.objects()).toEqual([]);
  });
});
