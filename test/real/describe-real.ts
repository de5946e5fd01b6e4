import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClusterAccess } from '../../src/cluster/access.ts';
import type { ClusterAccess } from '../../src/cluster/connection.ts';
import { createRawApi, type RawApi } from '../contracts/raw-api.ts';
import { size } from '../e2e/helpers/size.ts';
import { assetsDir, findMissing } from './assets.ts';
import { startRealCluster } from './cluster.ts';

/** A real cluster, and a namespace of the suite's own in it. */
export interface Real {
  /** As its admin. */
  readonly access: ClusterAccess;
  readonly api: RawApi;
  readonly server: string;
  /** Path and context, for programs that take a kubeconfig. */
  readonly kubeconfig: string;
  readonly context: string | undefined;
  readonly namespace: string;
  /** A cluster of KUBECONFIG and TEST_CONTEXT: nothing outside the namespace may be touched. */
  readonly isOwn: boolean;
  /** Tokens of the users asked for, by name. */
  readonly users: Readonly<Record<string, string>>;
}

export interface DescribeRealOptions {
  /** Users without any right. A cluster of one's own has none to give: the suite is skipped there. */
  readonly users?: readonly string[];
  readonly apiServerFlags?: readonly string[];
}

type Source =
  | { readonly kind: 'assets' }
  | { readonly kind: 'own'; readonly kubeconfig: string; readonly context: string }
  | { readonly kind: 'none'; readonly why: string };

const HOW_TO_GET =
  'build them with "npm run real:build" (needs Go), set KUBEBUILDER_ASSETS, or KUBECONFIG and TEST_CONTEXT for a cluster of your own';

const explainNone = (): string => {
  const given = process.env['KUBEBUILDER_ASSETS'] ?? '';
  if (given === '') return `no real Kubernetes servers here: ${HOW_TO_GET}`;
  return `KUBEBUILDER_ASSETS is ${given}, where ${findMissing(given).join(', ')} cannot be found`;
};

const isSet = (name: string): boolean => (process.env[name] ?? '') !== '';

/** The quick tests leave out what takes long, even where the servers have been built. */
const isAskedFor = (): boolean =>
  size !== 'quick' || ['REQUIRE_REAL', 'TEST_REAL', 'KUBEBUILDER_ASSETS'].some((name) => isSet(name));

const findSource = (options: DescribeRealOptions): Source => {
  const context = process.env['TEST_CONTEXT'] ?? '';
  const kubeconfig = process.env['KUBECONFIG'] ?? '';
  if (context === '') {
    if (assetsDir() === null) return { kind: 'none', why: explainNone() };
    return isAskedFor() ? { kind: 'assets' } : { kind: 'none', why: '"npm run test:real" runs it' };
  }
  if (kubeconfig === '') return { kind: 'none', why: 'TEST_CONTEXT is set, KUBECONFIG is not' };
  const needsOurs = (options.users ?? []).length > 0 || (options.apiServerFlags ?? []).length > 0;
  if (needsOurs)
    return {
      kind: 'none',
      why: 'it needs users or flags that a cluster of your own does not have: unset TEST_CONTEXT',
    };
  return { kind: 'own', kubeconfig, context };
};

interface Opened extends Omit<Real, 'namespace'> {
  close(): Promise<void>;
}

const open = async (source: Exclude<Source, { kind: 'none' }>, options: DescribeRealOptions): Promise<Opened> => {
  const started = source.kind === 'assets' ? await startRealCluster(options) : null;
  const kubeconfig = source.kind === 'own' ? source.kubeconfig : (started?.kubeconfig ?? '');
  const context = source.kind === 'own' ? source.context : undefined;
  const access = createClusterAccess({
    kind: 'kubeconfig',
    path: kubeconfig,
    ...(context !== undefined && { context }),
  });
  const api = await createRawApi(access);
  const close = async (): Promise<void> => {
    await api.close();
    await started?.close();
  };
  return {
    access,
    api,
    server: (await access.endpoint()).server,
    kubeconfig,
    context,
    isOwn: source.kind === 'own',
    users: started?.users ?? {},
    close,
  };
};

const failSuite = (name: string, why: string): void => {
  test(`${name}: runs, as REQUIRE_REAL=1 asks`, () => expect.fail(`REQUIRE_REAL=1, but ${why}.`));
};

/**
 * A suite on a real Kubernetes API: the servers of {@link assetsDir}, or the cluster of KUBECONFIG and TEST_CONTEXT, in
 * a namespace that it makes and deletes. Where there is neither, its tests are counted as skipped and its name says
 * why; with REQUIRE_REAL=1 it fails instead. `real` may be called in tests and hooks only.
 */
export const describeReal = (
  name: string,
  suite: (real: () => Real) => void,
  options: DescribeRealOptions = {},
): void => {
  const source = findSource(options);
  let real: Real | undefined;
  const get = (): Real => {
    if (real === undefined) throw new Error('The real cluster is there in tests and hooks only.');
    return real;
  };
  if (source.kind === 'none') {
    if (process.env['REQUIRE_REAL'] === '1') failSuite(name, source.why);
    else {
      describe.skip(`${name} (skipped: ${source.why})`, () => {
        suite(get);
      });
    }
    return;
  }
  describe(`${name}`, () => {
    let close: (() => Promise<void>) | undefined;
    beforeAll(async () => {
      const opened = await open(source, options);
      const namespace = `tensorio-trigger-test-${randomBytes(4).toString('hex')}`;
      await opened.api.send('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
      real = { ...opened, namespace };
      close = async () => {
        await opened.api.send('DELETE', `/api/v1/namespaces/${namespace}`);
        await opened.close();
      };
    }, 90_000);
    afterAll(async () => close?.(), 30_000);
    suite(get);
  });
};
