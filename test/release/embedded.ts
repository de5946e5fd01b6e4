import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { ClusterAccess } from '../../src/cluster/gke.ts';
import { createClusterAccess } from '../../src/cluster/gke.ts';
import { writeKubeconfig } from '../../src/local/kubeconfig.ts';
import type { Kubernetes } from '../../src/local/kubernetes/server.ts';
import { startKubernetes } from '../../src/local/kubernetes/server.ts';

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
