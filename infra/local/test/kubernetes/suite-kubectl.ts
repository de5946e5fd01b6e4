import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startKubelet } from '../../kubelet.ts';
import { createKubectl } from './kubectl.ts';
import type { Kubectl, KubectlResult } from './kubectl.ts';
import type { Target } from './sessions/target.ts';

/** An API server, embedded or real, and a namespace in it of the test's own. */
export interface Place {
  readonly target: Target;
  readonly namespace: string;
  /** Where kubectl finds it. */
  readonly flags: readonly string[];
}

export interface Started {
  readonly kubectl: Kubectl;
  /** Answers standard output; fails unless the exit code is 0. */
  readonly ok: (args: string, input?: string) => Promise<string>;
  readonly workDir: string;
}

/** A dozen kubectls one after another take a while on a busy machine. */
export const PATIENCE_MS = 120_000;

/** A node that runs the containers of the place's namespace, and a kubectl for it. */
export async function startKubectl(program: string, { target, namespace, flags }: Place): Promise<Started> {
  const workDir = mkdtempSync(join(tmpdir(), 'kubectl-pods-'));
  onTestFinished(() => rmSync(workDir, { recursive: true, force: true }));
  const images = { shell: { command: ['true'], allowCommand: true } };
  const kubelet = await startKubelet({ ...target, images, workDir, schedulesNamespaces: [namespace] });
  onTestFinished(() => kubelet.close());
  const kubectl = createKubectl(program, [...flags, `--namespace=${namespace}`]);
  async function ok(args: string, input?: string): Promise<string> {
    const result: KubectlResult = await kubectl(args.split(' '), input);
    expect({ args, code: result.code, err: result.err }).toEqual({ args, code: 0, err: expect.any(String) });
    return result.out;
  }
  return { kubectl, ok, workDir };
}

/** What kubectls do, on whatever API server; `open` is called in each test. */
export function describeKubectl(programs: readonly string[], open: () => Promise<Place>): void {
  async function start(program: string): Promise<Started> {
    return startKubectl(program, await open());
  }
  const [main = ''] = programs;

  // Bodies and sequences differ from version to version; what they come to does not.
  describe.for(programs.map((program) => ({ program, name: basename(program) })))('$name', ({ program }) => {
    test('runs a Job: create, wait, logs, describe, get, events, delete', async () => {
      const { ok, workDir } = await start(program);
      const seen = join(workDir, 'seen');
      const script = `until [ -e ${seen} ]; do sleep 0.05; done; echo hello from a pod`;
      expect(await ok('create -f -', manifest('hello', script))).toContain('job.batch/hello created');
      expect(await ok('get jobs')).toMatch(/NAME +STATUS +COMPLETIONS +DURATION +AGE\nhello +Running +0\/1/);
      writeFileSync(seen, '');
      expect(await ok('logs -f job/hello --pod-running-timeout=20s')).toBe('hello from a pod\n');
      expect(await ok('wait --for=condition=complete job/hello --timeout=30s')).toContain('condition met');
      expect(await ok('get jobs,pods -o wide')).toMatch(
        /hello +Complete +1\/1 .* c +shell +batch.kubernetes.io\/controller-uid=/,
      );
      expect(await ok('get pods')).toMatch(/hello-\w{5} +0\/1 +Completed +0/);
      expect(await ok('get job hello -o yaml')).toContain('type: SuccessCriteriaMet');
      expect(await ok('describe job hello')).toMatch(/SuccessfulCreate .*job-controller +Created pod: hello-/);
      expect(await ok('describe pods')).toContain('Controlled By:  Job/hello');
      expect(await ok('get events')).toMatch(/Completed +job\/hello +Job completed/);
      expect(await ok('get all')).toContain('job.batch/hello');
      expect(await ok('get nodes -o wide')).toMatch(/local +Ready/);
      await ok('delete job hello');
      await ok('wait --for=delete pod -l job-name=hello --timeout=30s');
      expect(await ok('get pods')).toBe('');
    });

    test('creates by its generators, whose bodies newer versions send as protobuf', async () => {
      const { ok, kubectl } = await start(program);
      await ok('create secret generic tokens --from-literal=a=b --from-literal=c=d');
      await ok('create configmap settings --from-literal=x=y');
      const other = `other-${randomBytes(4).toString('hex')}`;
      await ok(`create namespace ${other}`);
      await ok('create serviceaccount robot');
      await ok('create job generated --image=shell -- sh -c true');
      await ok('create service clusterip web --tcp=80:8080');
      expect(await ok('get secret tokens -o jsonpath={.data}')).toBe('{"a":"Yg==","c":"ZA=="}');
      expect(await ok('get cm settings -o jsonpath={.data}')).toBe('{"x":"y"}');
      expect(await ok('get job generated -o jsonpath={.spec.template.spec.containers[0].command}')).toBe(
        '["sh","-c","true"]',
      );
      expect(await ok('get svc web')).toMatch(/web +ClusterIP +10\.0\.0\.\d+ +<none> +80\/TCP/);
      expect(await ok('get ns')).toMatch(new RegExp(`${other} +Active`));
      await ok(`delete namespace ${other} --timeout=60s`);
      expect((await kubectl(['get', 'ns', other])).err).toContain(`namespaces "${other}" not found`);
    });

    test('applies on the client and on the server, with conflicts', async () => {
      const { ok, kubectl } = await start(program);
      expect(await ok('apply -f -', configMap({ a: '1', b: '1' }))).toContain('created');
      expect(await ok('apply -f -', configMap({ a: '1', b: '1' }))).toContain('unchanged');
      expect(await ok('apply -f -', configMap({ a: '2' }))).toContain('configured');
      expect(await ok('get cm cm -o jsonpath={.data}')).toBe('{"a":"2"}');
      await ok('apply --server-side -f -', configMap({ a: '2' }));
      const conflict = await kubectl(
        ['apply', '--server-side', '--field-manager=other', '-f', '-'],
        configMap({ a: '3' }),
      );
      expect(conflict.code).toBe(1);
      expect(conflict.err).toContain('conflict with "kubectl": .data.a');
      await ok('apply --server-side --field-manager=other --force-conflicts -f -', configMap({ a: '3' }));
      expect(
        await ok('apply --server-side --dry-run=server --field-manager=other -f -', configMap({ a: '4' })),
      ).toContain('server dry run');
      expect(await ok('get cm cm -o jsonpath={.data}')).toBe('{"a":"3"}');
    });
  });

  describe('kubectl, further', () => {
    const program = main;

    test('sees a Job fail, and deletes it in the foreground', async () => {
      const { ok } = await start(program);
      await ok('create -f -', manifest('fails', 'echo no >&2; exit 3'));
      await ok('wait --for=condition=failed job/fails --timeout=30s');
      expect(await ok('get job fails -o jsonpath={.status.conditions[*].reason}')).toBe(
        'BackoffLimitExceeded BackoffLimitExceeded',
      );
      expect(await ok('get pods')).toMatch(/0\/1 +Error +0/);
      await ok('delete job fails --cascade=foreground --timeout=20s');
      expect(await ok('get jobs,pods')).toBe('');
    });

    test('ends a pod that runs', async () => {
      const { ok } = await start(program);
      await ok('create -f -', manifest('long', 'sleep 60'));
      await ok('wait --for=jsonpath={.status.ready}=1 job/long --timeout=30s');
      await ok('delete job long --timeout=30s');
      await ok('wait --for=delete pod -l job-name=long --timeout=30s');
      expect(await ok('get pods')).toBe('');
    });

    test('patches, labels, annotates, edits fields strictly', async () => {
      const { ok, kubectl } = await start(program);
      await ok('create configmap cm --from-literal=a=1');
      await ok('label cm cm app=x');
      await ok('annotate cm cm note=y');
      await ok('patch cm cm --type=merge -p {"data":{"b":"2"}}');
      await ok('patch cm cm --type=json -p [{"op":"remove","path":"/data/a"}]');
      await ok('patch cm cm -p {"data":{"c":"3"}}');
      expect(await ok('get cm -l app=x -o jsonpath={.items[*].data}')).toBe('{"b":"2","c":"3"}');
      expect(await ok('get cm cm -o jsonpath={.metadata.annotations.note}')).toBe('y');
      const faulty = await kubectl(
        ['create', '-f', '-'],
        JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, dat: {} }),
      );
      expect(faulty.err).toContain('strict decoding error: unknown field "dat"');
    });

    test('lists what there is', async () => {
      const { ok } = await start(program);
      expect(await ok('api-resources')).toMatch(/jobs +batch\/v1 +true +Job/);
    });

    test('follows changes with get --watch', async () => {
      const { ok, kubectl, workDir } = await start(program);
      const seen = join(workDir, 'seen');
      await ok('create -f -', manifest('seen', `until [ -e ${seen} ]; do sleep 0.05; done`));
      const { out } = await kubectl(['get', 'jobs', '--watch'], '', (printed) => {
        if (/seen +Running/.test(printed)) writeFileSync(seen, '');
        return /seen +Complete/.test(printed);
      });
      expect(out).toMatch(/seen +Running +0\/1[^]*seen +Complete +1\/1/);
    });
  });
}

function manifest(name: string, script: string): string {
  return JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'c', image: 'shell', command: ['sh', '-c', script] }],
        },
      },
    },
  });
}

function configMap(data: Readonly<Record<string, string>>): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm' }, data });
}
