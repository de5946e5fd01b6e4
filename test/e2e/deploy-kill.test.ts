import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { writeKubeconfig } from '../../infra/local/kubeconfig.ts';
import type { Kubernetes } from '../../infra/local/kubernetes/server.ts';
import { startKubernetes } from '../../infra/local/kubernetes/server.ts';
import { describeReal } from '../real/describe-real.ts';
import { size } from './helpers/size.ts';
import { describeKilledDeploys } from './helpers/suite-deploy-kill.ts';

const isQuick = size === 'quick';
const WHY = isQuick ? ' (skipped: it takes long; TEST_SIZE=ci runs it, and in memory every write is walked)' : '';

describe.skipIf(isQuick)(`on the embedded API server${WHY}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-kill-'));
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
  describeKilledDeploys(() => kubeconfig);
});

describeReal('on a real API server', (real) => describeKilledDeploys(() => real().kubeconfig), {
  // The default of the test's servers, 254 addresses, is less than the walks' Services want.
  apiServerFlags: ['--service-cluster-ip-range=10.0.0.0/16'],
});
