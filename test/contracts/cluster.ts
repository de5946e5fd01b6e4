import type { CoreV1Event, V1Job } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../../src/cluster/port.ts';
import { DeadlineError, UpstreamError } from '../../src/errors.ts';

/** An event as a controller writes it. */
export type ContractEvent = Pick<CoreV1Event, 'involvedObject' | 'reason' | 'message' | 'type'> & {
  readonly name: string;
  readonly lastTimestamp: string;
};

/** A cluster under test, with the actions of users and kubelets. */
export interface ClusterWorld {
  readonly cluster: Cluster;
  /** An empty namespace for this suite only. */
  readonly namespace: string;
  /** Whether a Kubernetes API is behind it, which validates requests. */
  readonly isApi: boolean;
  /** Whether `putLog` can be called. */
  readonly hasLogs: boolean;
  putSecret(name: string, data: Readonly<Record<string, string>>): Promise<void>;
  putEvent(event: ContractEvent): Promise<void>;
  /** Sets the log of a container; creates the pod, with a container `main`, if it does not exist. */
  putLog(pod: string, container: string, text: string, previous?: boolean): Promise<void>;
  close(): Promise<void>;
}

/** Waits for an action of a controller. */
export const until = async (what: string, probe: () => Promise<boolean>, withinMs = 20_000): Promise<void> => {
  const endsAt = Date.now() + withinMs;
  while (!(await probe())) {
    if (Date.now() > endsAt) throw new Error(`Still not so after ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const NO_LOGS = 'a cluster of your own gets no Node of ours';

const byName = (a: string, b: string): number => a.localeCompare(b);

/** The contract of the port `Cluster`. */
export const clusterContract = (name: string, setup: () => Promise<ClusterWorld>): void => {
  describe(`${name}`, { timeout: 30_000 }, () => {
    let world: ClusterWorld;
    beforeAll(async () => {
      world = await setup();
    }, 60_000);
    afterAll(async () => world?.close(), 30_000);

    const buildJob = (jobName: string, more: Partial<V1Job['metadata']> = {}, suspend = true): V1Job => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { ...more, namespace: world.namespace, name: jobName },
      spec: {
        suspend,
        template: {
          spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.com/aggregator:1' }] },
        },
      },
    });
    const create = async (job: V1Job): Promise<V1Job> => {
      const created = await world.cluster.createJob(job);
      if (created === 'exists') throw new Error('exists');
      return created;
    };
    const ended = (): AbortSignal => AbortSignal.abort();

    describe('Jobs', () => {
      test('a created Job has a uid and a creation time, and is read back unchanged', async () => {
        const created = await create(
          buildJob('created', { labels: { task: 'a' }, annotations: { note: 'ä "quoted"' } }),
        );
        expect(created.metadata?.uid).toMatch(/./);
        expect(created.metadata?.creationTimestamp).toBeInstanceOf(Date);
        const read = await world.cluster.getJob(world.namespace, 'created');
        expect(read?.metadata).toMatchObject({ uid: created.metadata?.uid, labels: { task: 'a' } });
        expect(read?.metadata?.annotations).toMatchObject({ note: 'ä "quoted"' });
        expect(read?.spec?.template.spec?.containers[0]?.image).toBe('example.com/aggregator:1');
      });

      test('a create for an existing name returns exists, whatever its spec, and changes nothing', async () => {
        const first = await create(buildJob('twice'));
        expect(await world.cluster.createJob(buildJob('twice', { labels: { other: 'yes' } }))).toBe('exists');
        expect((await world.cluster.getJob(world.namespace, 'twice'))?.metadata?.uid).toBe(first.metadata?.uid);
      });

      test('one of 20 concurrent creates succeeds', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, () => world.cluster.createJob(buildJob('raced'))),
        );
        expect(outcomes.filter((outcome) => outcome !== 'exists')).toHaveLength(1);
      });

      test('a dry run returns the Job and stores nothing', async () => {
        const dry = await world.cluster.createJob(buildJob('dry'), { dryRun: true });
        expect(dry).toMatchObject({ metadata: { name: 'dry' } });
        expect(await world.cluster.getJob(world.namespace, 'dry')).toBeNull();
        await create(buildJob('dry'));
        expect(await world.cluster.createJob(buildJob('dry'), { dryRun: true })).toBe('exists');
      });

      test('a name that Kubernetes does not allow is refused, and the message names the field', async () => {
        const refused = world.cluster.createJob(buildJob('Not_A_Name'));
        await expect(refused).rejects.toThrow(UpstreamError);
        await expect(refused).rejects.toThrow(/metadata\.name/);
      });

      test('a field that Kubernetes does not know is refused, and the message names it', async (context) => {
        if (!world.isApi) return context.skip('the fields of a Job are not checked in memory');
        const job = buildJob('typo');
        const misspelt = Object.assign(job, { spec: Object.assign({}, job.spec, { backofLimit: 1 }) });
        const refused = world.cluster.createJob(misspelt);
        await expect(refused).rejects.toThrow(UpstreamError);
        await expect(refused).rejects.toThrow(/backofLimit/);
        expect(await world.cluster.getJob(world.namespace, 'typo')).toBeNull();
      });

      test('a namespace that does not exist is named in the error', async (context) => {
        if (!world.isApi) return context.skip('every namespace exists in memory');
        const job = buildJob('lost');
        const lost = Object.assign(job, { metadata: { namespace: 'no-such-namespace', name: 'lost' } });
        await expect(world.cluster.createJob(lost)).rejects.toThrow(/no-such-namespace/);
        await expect(world.cluster.createJob(lost)).rejects.toThrow(UpstreamError);
        expect(await world.cluster.getJob('no-such-namespace', 'lost')).toBeNull();
      });

      test('an absent Job is null', async () => {
        expect(await world.cluster.getJob(world.namespace, 'absent')).toBeNull();
      });

      test('a list contains exactly the Jobs that match the selector', async () => {
        await create(buildJob('list-1', { labels: { list: 'yes', colour: 'red' } }));
        await create(buildJob('list-2', { labels: { list: 'yes', colour: 'blue' } }));
        await create(buildJob('list-3', { labels: { list: 'yes' } }));
        const names = async (selector: string) =>
          (await world.cluster.listJobs(world.namespace, selector))
            .map((job) => job.metadata?.name ?? '')
            .toSorted(byName);
        expect(await names('list=yes')).toEqual(['list-1', 'list-2', 'list-3']);
        expect(await names('list=yes,colour=red')).toEqual(['list-1']);
        expect(await names('list=yes,colour in (red,blue)')).toEqual(['list-1', 'list-2']);
        expect(await names('list=yes,!colour')).toEqual(['list-3']);
        expect(await names('list=no')).toEqual([]);
        expect((await names('')).length).toBeGreaterThanOrEqual(3);
      });

      test('a delete removes a Job and its pods; a second delete returns absent', async () => {
        await create(buildJob('deleted', {}, false));
        const pods = () => world.cluster.listPods(world.namespace, 'batch.kubernetes.io/job-name=deleted');
        await until('the Job has a pod', async () => (await pods()).length === 1);
        expect(await world.cluster.deleteJob(world.namespace, 'deleted')).toBe('deleted');
        await until('the Job is gone', async () => (await world.cluster.getJob(world.namespace, 'deleted')) === null);
        await until('its pod is gone', async () => (await pods()).length === 0);
        expect(await world.cluster.deleteJob(world.namespace, 'deleted')).toBe('absent');
      });

      test('a delete with a uid keeps a different Job of the same name', async () => {
        const created = await create(buildJob('mine'));
        expect(await world.cluster.deleteJob(world.namespace, 'mine', { uid: 'of-another' })).toBe('absent');
        expect(await world.cluster.getJob(world.namespace, 'mine')).not.toBeNull();
        expect(await world.cluster.deleteJob(world.namespace, 'mine', { uid: created.metadata?.uid ?? '' })).toBe(
          'deleted',
        );
        expect(await world.cluster.getJob(world.namespace, 'mine')).toBeNull();
      });

      test('a suspended Job has no pods and keeps its name', async () => {
        await create(buildJob('suspended', {}, false));
        const pods = () => world.cluster.listPods(world.namespace, 'batch.kubernetes.io/job-name=suspended');
        await until('the Job has a pod', async () => (await pods()).length === 1);
        expect(await world.cluster.suspendJob(world.namespace, 'suspended')).toBe('suspended');
        expect((await world.cluster.getJob(world.namespace, 'suspended'))?.spec?.suspend).toBe(true);
        await until('its pod is gone', async () => (await pods()).length === 0);
        expect(await world.cluster.createJob(buildJob('suspended'))).toBe('exists');
        expect(await world.cluster.suspendJob(world.namespace, 'suspended')).toBe('suspended');
        expect(await world.cluster.suspendJob(world.namespace, 'never-there')).toBe('absent');
      });
    });

    describe('Pods', () => {
      test('a Job’s pods are found by its name and by its uid', async () => {
        const created = await create(buildJob('with-pods', {}, false));
        const list = (selector: string) => world.cluster.listPods(world.namespace, selector);
        await until(
          'the Job has a pod',
          async () => (await list('batch.kubernetes.io/job-name=with-pods')).length === 1,
        );
        const [pod] = await list(`batch.kubernetes.io/controller-uid=${created.metadata?.uid}`);
        expect(pod?.metadata?.ownerReferences?.[0]).toMatchObject({ kind: 'Job', uid: created.metadata?.uid });
        expect(pod?.metadata?.creationTimestamp).toBeInstanceOf(Date);
        expect(await list('batch.kubernetes.io/job-name=absent')).toEqual([]);
      });

      test('events are those of the object, oldest first', async () => {
        const event = (name: string, reason: string, lastTimestamp: string, involved: object): ContractEvent => ({
          name,
          reason,
          message: reason,
          type: 'Normal',
          lastTimestamp,
          involvedObject: { kind: 'Pod', namespace: world.namespace, name: 'talked-about', uid: 'uid-1', ...involved },
        });
        // A name that sorts the other way: the API server lists by name.
        await world.putEvent(event('talk.2', 'First', '2026-01-01T00:00:00Z', {}));
        await world.putEvent(event('talk.1', 'Second', '2026-01-02T00:00:00Z', {}));
        await world.putEvent(event('talk.3', 'OtherUid', '2026-01-03T00:00:00Z', { uid: 'uid-2' }));
        await world.putEvent(event('talk.4', 'OtherName', '2026-01-03T00:00:00Z', { name: 'another' }));
        await world.putEvent(event('talk.5', 'OtherKind', '2026-01-03T00:00:00Z', { kind: 'Job' }));
        const reasons = async (uid?: string) => {
          const involved = { kind: 'Pod', name: 'talked-about', ...(uid !== undefined && { uid }) };
          return (await world.cluster.listEvents(world.namespace, involved)).map(({ reason }) => reason);
        };
        expect(await reasons('uid-1')).toEqual(['First', 'Second']);
        expect(await reasons()).toEqual(['First', 'Second', 'OtherUid']);
        expect(await reasons('uid-3')).toEqual([]);
      });

      test('a log has the last lines', async (context) => {
        if (!world.hasLogs) return context.skip(NO_LOGS);
        await world.putLog('talkative', 'main', 'one\ntwo\nthree\n');
        const log = await world.cluster.podLog(world.namespace, 'talkative', { container: 'main', tailLines: 2 });
        expect(log?.trimEnd()).toBe('two\nthree');
        const all = await world.cluster.podLog(world.namespace, 'talkative', { container: 'main', tailLines: 10 });
        expect(all?.trimEnd()).toBe('one\ntwo\nthree');
      });

      test('with timestamps, each line of a log is behind its time', async (context) => {
        if (!world.hasLogs) return context.skip(NO_LOGS);
        await world.putLog('punctual', 'main', 'one\ntwo\n');
        const options = { container: 'main', tailLines: 10, timestamps: true };
        const lines = (await world.cluster.podLog(world.namespace, 'punctual', options))?.trimEnd().split('\n') ?? [];
        expect(lines.map((line) => line.split(' ')[1])).toEqual(['one', 'two']);
        const times = lines.map((line) => line.split(' ')[0] ?? '');
        expect(times.every((time) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(time))).toBe(true);
        expect(times.toSorted()).toEqual(times);
      });

      test('the log of the previous container is a different log', async (context) => {
        if (!world.isApi) return context.skip('there are no previous runs in memory');
        if (!world.hasLogs) return context.skip(NO_LOGS);
        await world.putLog('restarted', 'main', 'now\n');
        await world.putLog('restarted', 'main', 'before\n', true);
        const read = (previous: boolean) =>
          world.cluster.podLog(world.namespace, 'restarted', { container: 'main', tailLines: 5, previous });
        expect(await read(true)).toBe('before\n');
        expect(await read(false)).toBe('now\n');
      });

      test('a log that is too long is cut at the start, not at the end', async (context) => {
        if (!world.isApi) return context.skip('logs in memory are as long as the test makes them');
        if (!world.hasLogs) return context.skip(NO_LOGS);
        const lines = Array.from({ length: 2_000 }, (_, index) => `${index} ${'x'.repeat(300)}`);
        await world.putLog('verbose', 'main', `${lines.join('\n')}\n`);
        const log = await world.cluster.podLog(world.namespace, 'verbose', { container: 'main', tailLines: 2_000 });
        expect(Buffer.byteLength(log ?? '')).toBeLessThanOrEqual(256 * 1024);
        expect(log?.trimEnd().split('\n').at(-1)).toBe(lines.at(-1));
        expect(log?.split('\n').length).toBeGreaterThan(100);
      });

      test('a pod that does not exist has no log', async () => {
        const log = world.cluster.podLog(world.namespace, 'absent', { container: 'main', tailLines: 5 });
        await expect(log).resolves.toBeNull();
      });

      test('a container that does not exist has no log', async (context) => {
        if (!world.hasLogs) return context.skip(NO_LOGS);
        await world.putLog('known', 'main', 'text\n');
        expect(await world.cluster.podLog(world.namespace, 'known', { container: 'other', tailLines: 5 })).toBeNull();
      });
    });

    describe('Secrets', () => {
      test('the names of the keys are returned, never a value', async () => {
        await world.putSecret('credentials', { 'clientAuthToken.txt': 'top-secret-value', other: '' });
        const keys = await world.cluster.secretKeys(world.namespace, 'credentials');
        expect((keys ?? []).toSorted(byName)).toEqual(['clientAuthToken.txt', 'other']);
      });

      test('a Secret without keys has none; an absent Secret is null', async () => {
        await world.putSecret('empty', {});
        expect(await world.cluster.secretKeys(world.namespace, 'empty')).toEqual([]);
        expect(await world.cluster.secretKeys(world.namespace, 'absent')).toBeNull();
      });
    });

    test('a list of more than one page is complete', { timeout: 120_000 }, async (context) => {
      if (!world.isApi) return context.skip('there are no pages in memory');
      const wanted = Array.from({ length: 520 }, (_, index) => `many-${index}`);
      const left = [...wanted];
      const work = async (): Promise<void> => {
        for (let next = left.pop(); next !== undefined; next = left.pop()) {
          await create(buildJob(next, { labels: { many: 'yes' } }));
        }
      };
      await Promise.all(Array.from({ length: 16 }, work));
      const listed = await world.cluster.listJobs(world.namespace, 'many=yes');
      expect(listed.map((job) => job.metadata?.name ?? '').toSorted(byName)).toEqual(wanted.toSorted(byName));
    });

    test('a call with an aborted signal throws DeadlineError and changes nothing', async () => {
      const { cluster, namespace } = world;
      const signal = ended();
      const calls = [
        cluster.createJob(buildJob('too-late'), { signal }),
        cluster.getJob(namespace, 'too-late', { signal }),
        cluster.listJobs(namespace, '', { signal }),
        cluster.deleteJob(namespace, 'created', { signal }),
        cluster.suspendJob(namespace, 'created', { signal }),
        cluster.listPods(namespace, '', { signal }),
        cluster.listEvents(namespace, { kind: 'Job', name: 'created' }, { signal }),
        cluster.podLog(namespace, 'created', { container: 'main', tailLines: 1, signal }),
        cluster.secretKeys(namespace, 'credentials', { signal }),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(DeadlineError) });
      }
      expect(await cluster.getJob(namespace, 'too-late')).toBeNull();
    });
  });
};
