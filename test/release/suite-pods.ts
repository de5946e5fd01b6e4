import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClusterAccess } from '../../src/cluster/access.ts';
import { serviceImages } from '../../infra/local/images/service/entries.ts';
import { readAccess } from '../../infra/local/kubeconfig.ts';
import { startKubelet } from '../../infra/local/kubelet.ts';
import type { Images } from '../../infra/local/kubelet/types.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { mergeValues } from '../../src/values/merge.ts';
import type { ApiWorld, Pods } from './api-world.ts';
import { createApiReleaseWorld, itemsOf } from './api-world.ts';
import { expectConsistent, specsOf } from './invariants.ts';
import { refusal } from './suite.ts';
import { callDeploy, callUninstall, createDeps, tagged } from './world.ts';

const TOKENS = 'auth-tokens';
const KEYS = ['sacred.json', 'sacred.pem', 'googleAccessId'] as const;
/** A crash loop is slow enough to be seen, and quick enough not to be waited for. */
const TIMINGS = { retryMs: 100, backoffBaseMs: 200, backoffCapMs: 2_000, shutdownGraceMs: 500, eagerProbeMs: 50 };

/** The stand-ins of the services under tags of their own: every other tag is an image that is nowhere. */
const images: Images = Object.fromEntries(
  Object.entries(serviceImages).flatMap(([name, entry]) => ['v1', 'v2'].map((tag) => [`${name}:${tag}`, entry])),
);

/** Both services with their token file from a Secret. */
const withTokens = (repository: string, flea: string): JsonObject => {
  const authTokensSecret = { secret: TOKENS, key: 'AuthTokens.txt' };
  return mergeValues(tagged(repository, flea), {
    repository: { deployment: { authTokensSecret } },
    flea: { deployment: { authTokensSecret } },
  });
};

const V1 = { over: withTokens('v1', 'v1'), waitSec: 600 } as const;
const V2 = { over: withTokens('v2', 'v2'), waitSec: 600 } as const;

export interface PodCluster {
  /** Path. */
  readonly kubeconfig: string;
  /** Where 127.0.0.1 will not do. */
  readonly podIP?: (uid: string) => string;
}

const startNode =
  (cluster: PodCluster, workDir: string) =>
  async (_api: unknown, namespace: string): Promise<Pods> => {
    const kubelet = await startKubelet({
      ...readAccess(cluster.kubeconfig),
      nodeName: `node-of-${namespace}`,
      images,
      workDir,
      timings: TIMINGS,
      schedulesNamespaces: [namespace],
      ...(cluster.podIP !== undefined && { podIP: cluster.podIP }),
    });
    return { cluster: {}, stop: () => kubelet.close() };
  };

/** Releases whose pods really run, and really fail, asked for their health and their logs through the API server. */
export const podSuite = (name: string, cluster: () => PodCluster): void => {
  describe(`${name}`, { timeout: 180_000 }, () => {
    let world: ApiWorld;
    let workDir = '';
    beforeEach(async () => {
      workDir = mkdtempSync(join(tmpdir(), 'release-pods-'));
      const access = createClusterAccess({ kind: 'kubeconfig', path: cluster().kubeconfig });
      world = await createApiReleaseWorld(access, { startPods: startNode(cluster(), workDir) });
      await world.putSecret(TOKENS, ['AuthTokens.txt']);
    }, 60_000);
    afterEach(async () => {
      await world?.close();
      rmSync(workDir, { recursive: true, force: true });
    }, 60_000);

    const pods = async () => {
      const { json } = await world.api.send('GET', `/api/v1/namespaces/${world.namespace}/pods`);
      return itemsOf(json);
    };

    /** What runs after a failed upgrade is what ran before it, and it serves. */
    const expectBack = async (before: unknown): Promise<void> => {
      expect(specsOf(await expectConsistent(world))).toEqual(before);
      expect(await callDeploy(world, V1)).toMatchObject({
        outcome: 'unchanged',
        revision: 1,
        health: [{ status: 'SERVING' }, { status: 'SERVING' }],
      });
    };

    test('installed and upgraded, both services serve behind their Services; uninstalled, no pod is left', async () => {
      const first = await callDeploy(world, V1);
      expect(first).toMatchObject({ outcome: 'deployed', revision: 1 });
      expect(first.health).toMatchObject([{ status: 'SERVING' }, { status: 'SERVING' }]);
      expect(first.objects.map(({ ready }) => ready)).toEqual([true, true, true, true]);
      const before = (await pods()).map(({ metadata }) => metadata.uid);
      expect(before).toHaveLength(2);
      const second = await callDeploy(world, V2);
      expect(second).toMatchObject({
        outcome: 'deployed',
        revision: 2,
        health: [{ status: 'SERVING' }, { status: 'SERVING' }],
      });
      const after = (await pods()).map(({ metadata }) => metadata.uid);
      expect(after.filter((uid) => before.includes(uid))).toEqual([]);
      await callUninstall(world);
      await expect.poll(pods, { timeout: 30_000 }).toEqual([]);
    });

    test('an image that does not exist is rolled back, with the kubelet’s message as evidence', async () => {
      await callDeploy(world, V1);
      const before = specsOf(await expectConsistent(world));
      const failed = await refusal(callDeploy(world, { ...V1, over: withTokens('nowhere', 'v1') }));
      expect(failed).toMatchObject({
        status: 422,
        code: 'rolled-back',
        details: {
          revision: 1,
          failedRevision: 2,
          evidence: [
            {
              container: 'repository',
              reason: expect.stringMatching(/^(ErrImagePull|ImagePullBackOff)$/),
              message: expect.stringContaining('docai/tensorio-models:nowhere'),
            },
          ],
        },
      });
      await expectBack(before);
    });

    const crashing = mergeValues(withTokens('v2', 'v1'), { repository: { deployment: { authTokensSecret: null } } });

    test('a service that crashes at its start is rolled back, with exit code and log', async () => {
      await callDeploy(world, V1);
      const before = specsOf(await expectConsistent(world));
      const failed = await refusal(callDeploy(world, { ...V1, over: crashing }));
      expect(failed.message).toMatch(/container repository: CrashLoopBackOff \(exit code 2\)/);
      const log = /^panic: AUTH_TOKENS_FILE: open .*: no such file/m;
      expect(failed).toMatchObject({ status: 422, code: 'rolled-back' });
      expect(failed.details['evidence']).toContainEqual(
        expect.objectContaining({
          container: 'repository',
          reason: 'CrashLoopBackOff',
          exitCode: 2,
          log: expect.stringMatching(log),
        }),
      );
      expect(failed.details['warnings']).toEqual(
        expect.arrayContaining([expect.stringContaining('repository.deployment.authTokensFile')]),
      );
      await expectBack(before);
    });

    test('a missing key is reported before anything is created; a key deleted later, by the pod that needs it', async () => {
      const secrets = `/api/v1/namespaces/${world.namespace}/secrets/tensorio-models`;
      const over = mergeValues(tagged('v1', 'v1'), { flea: { deployment: { replicas: 1 } } });
      const gcs = { example: 'gcs', over, waitSec: 600 } as const;
      await world.putSecret('tensorio-models', KEYS.slice(0, 2));
      const missing = await refusal(callDeploy(world, gcs));
      expect(missing).toMatchObject({ status: 424 });
      expect(missing.message).toContain('googleAccessId');
      expect((await expectConsistent(world)).revisions).toEqual([]);

      await world.api.send('PATCH', secrets, { stringData: { googleAccessId: 'x' } });
      const { cluster: api, ...rest } = createDeps(world);
      const withoutKey: typeof api = {
        ...api,
        applyObject: async (object, options) => {
          if (options?.dryRun !== true) await world.api.send('PATCH', secrets, { data: { googleAccessId: null } });
          return api.applyObject(object, options);
        },
      };
      const failed = await refusal(callDeploy(world, gcs, { ...rest, cluster: withoutKey }));
      expect(failed).toMatchObject({ status: 422, code: 'rolled-back', details: { revision: null } });
      expect(failed.details['evidence']).toEqual([
        expect.objectContaining({
          container: 'flea',
          reason: 'CreateContainerConfigError',
          message: `couldn't find key googleAccessId in Secret ${world.namespace}/tensorio-models`,
        }),
      ]);
      expect((await expectConsistent(world)).workloads).toEqual([]);
      await expect.poll(pods, { timeout: 30_000 }).toEqual([]);
    });
  });
};
