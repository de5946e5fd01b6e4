import type { V1Job } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { UpstreamError } from '../../src/errors.ts';
import { matchesSelector } from './label-selector.ts';
import { createMemoryCluster } from './memory-cluster.ts';

const job = (name: string, labels: Record<string, string> = {}): V1Job => ({
  metadata: { name, namespace: 'n', labels },
  spec: { template: { metadata: { labels }, spec: { containers: [{ name: 'c' }] } } },
});
const cluster = () => createMemoryCluster({ now: () => new Date(0) });

describe('memory cluster', () => {
  test('a Job is created once, with a uid and a pod', async () => {
    const memory = cluster();
    expect(await memory.createJob(job('a', { task: 't' }))).toMatchObject({ metadata: { uid: 'uid-1' } });
    expect(await memory.createJob(job('a'))).toBe('exists');
    expect(await memory.listPods('n', 'task=t')).toMatchObject([{ status: { phase: 'Pending' } }]);
    memory.runPods('n', 'a');
    memory.completeJob('n', 'a');
    expect(await memory.getJob('n', 'a')).toMatchObject({ status: { conditions: [{ type: 'Complete' }] } });
    expect(memory.pods()).toMatchObject([{ status: { phase: 'Succeeded' } }]);
  });

  test('a dry run stores nothing', async () => {
    const memory = cluster();
    await memory.createJob(job('a'), { dryRun: true });
    expect(memory.jobs()).toEqual([]);
  });

  test('a failed, a suspended, a deleted and a removed Job look as they do on a real cluster', async () => {
    const memory = cluster();
    for (const name of ['failed', 'suspended', 'removed']) await memory.createJob(job(name, { name }));
    memory.failJob('n', 'failed', { reason: 'DeadlineExceeded' });
    expect(await memory.getJob('n', 'failed')).toMatchObject({
      status: { conditions: [{ reason: 'DeadlineExceeded' }] },
    });
    expect(await memory.suspendJob('n', 'suspended')).toBe('suspended');
    expect(await memory.getJob('n', 'suspended')).toMatchObject({ spec: { suspend: true }, status: { active: 0 } });
    expect(await memory.listPods('n', 'name=suspended')).toEqual([]);
    memory.removeJob('n', 'removed', { keepPods: true });
    expect(await memory.listPods('n', 'name=removed')).toHaveLength(1);
    expect(await memory.deleteJob('n', 'failed', { uid: 'other' })).toBe('absent');
    expect(await memory.deleteJob('n', 'failed', { uid: 'uid-1' })).toBe('deleted');
    expect(await memory.suspendJob('n', 'failed')).toBe('absent');
  });

  test('refuses names and labels that Kubernetes refuses', async () => {
    await expect(cluster().createJob(job('Task_1'))).rejects.toThrow(UpstreamError);
    await expect(cluster().createJob(job('a', { task: 'with space' }))).rejects.toThrow(UpstreamError);
  });

  test.each([
    ['a=1', true],
    ['a==1,b', true],
    ['a!=1', false],
    ['!b', false],
    ['c', false],
    ['a in (1, 2),b notin (3)', true],
  ])('selector %s', (selector, expected) => {
    expect(matchesSelector(selector, { a: '1', b: '2' })).toBe(expected);
  });
});
