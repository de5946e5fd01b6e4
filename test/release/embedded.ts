import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { ClusterAccess } from '../../src/cluster/connection.ts';
import { createClusterAccess } from '../../src/cluster/access.ts';
import { writeKubeconfig } from '../../infra/local/kubeconfig.ts';
import type { Kubernetes } from '../../infra/local/kubernetes/server.ts';
import { startKubernetes } from '../../infra/local/kubernetes/server.ts';
import { size } from '../e2e/helpers/size.ts';

export interface Embedded {
  readonly access: ClusterAccess;
  /** Path. */
  readonly kubeconfig: string;
}

/** An embedded Kubernetes API for all tests of a suite. To be called in tests and hooks only. */
export const useEmbedded = (): (() => Embedded) => {
  const folder = mkdtempSync(join(tmpdir(), 'release-embedded-'));
  const kubeconfig = join(folder, 'kubeconfig');
  let kubernetes: Kubernetes | undefined;
  beforeAll(async () => {
    kubernetes = await startKubernetes();
    writeKubeconfig(kubeconfig, kubernetes.url);
  });
  afterAll(async () => {
    await kubernetes?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return () => ({ access: createClusterAccess({ kind: 'kubeconfig', path: kubeconfig }), kubeconfig });
};

/** Why calls are not killed at each of their writes here; in memory they are each time. */
export const noWalks = size === 'quick' ? ' (skipped: it takes long here; TEST_SIZE=ci walks it)' : '';
