import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { TTL_MS } from './config.ts';
import { QUEUE } from './instance.ts';
import type { World } from './world.ts';
import { may } from './world.ts';

// The Job controller, the kubelet and the aggregator of the model.

type Fate = 'full' | 'fail' | 'half-then-fail' | 'half-then-full' | 'half-then-complete' | 'nothing' | 'hang';

const HANG_MS = 6 * 3_600_000;

/** What a Job was made to do, by uid, and what its pod has done so far. */
export interface Controller {
  /** One Job or pod goes a step further. */
  step(): void;
  /** The Job goes, with or without its pod. */
  remove(job: V1Job, keepPods: boolean): void;
}

const uidOf = (job: V1Job): string => job.metadata?.uid ?? '';
const envOf = (pod: V1Pod, name: string): string =>
  pod.spec?.containers[0]?.env?.find((each) => each.name === name)?.value ?? '';
const isEnded = (job: V1Job): boolean =>
  job.status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed') === true;

const chooseFate = (world: World): Fate => {
  const { prng, config } = world;
  if (!world.faulty && config.ending === 'always-fail') return 'fail';
  const fates: Fate[] = config.focused ? ['full', 'half-then-full'] : ['full', 'full', 'full', 'half-then-full'];
  if (may(world, 'failing-jobs')) fates.push('fail', 'half-then-fail', 'hang');
  if (may(world, 'odd-output')) fates.push('nothing');
  return prng.pick(fates);
};

/** The list that an aggregator reads; `undefined` after the state was moved away. */
const listOf = (world: World, pod: V1Pod): string | undefined =>
  world.store.peek({ bucket: 'state', name: envOf(pod, 'AGGREGATION_CKPTS_FILELIST').slice('gs://state/'.length) })
    ?.text;

/** What an aggregator writes: a part, then the whole, which names the list it was made of. */
const write = (world: World, pod: V1Pod, kind: 'half' | 'full'): void => {
  const output = envOf(pod, 'AGGREGATION_OUTPUT_PATH').slice('gs://out/'.length);
  const list = listOf(world, pod) ?? 'no list';
  const name = `${output}/${kind === 'full' ? 'checkpoint.index' : 'checkpoint.data'}`;
  world.store.put({ bucket: 'out', name }, `${kind}\n${list}`);
  world.log(() => `pod ${pod.metadata?.name}: writes ${kind} to ${output}`);
};

export const createController = (world: World): Controller => {
  const { cluster, prng } = world;
  const fates = new Map<string, Fate>();
  const wrote = new Set<string>();

  const fateOf = (uid: string): Fate => {
    const fate = fates.get(uid) ?? chooseFate(world);
    fates.set(uid, fate);
    return fate;
  };
  const remove: Controller['remove'] = (job, keepPods) => {
    world.log(() => `Job ${job.metadata?.name} is removed${keepPods ? ', its pod lives on' : ''}`);
    cluster.removeJob(job.metadata?.namespace ?? '', job.metadata?.name ?? '', { keepPods });
  };

  /** As Kueue does, whether Kueue or the service suspended the Job. */
  const admit = (job: V1Job): void => {
    world.log(() => `Kueue admits Job ${job.metadata?.name}`);
    cluster.resumeJob(job.metadata?.namespace ?? '', job.metadata?.name ?? '');
  };

  const endJob = (job: V1Job, complete: boolean): void => {
    const [namespace, name] = [job.metadata?.namespace ?? '', job.metadata?.name ?? ''];
    world.log(() => `Job ${name} is ${complete ? 'Complete' : 'Failed'}`);
    if (complete) cluster.completeJob(namespace, name);
    else cluster.failJob(namespace, name);
    if (!complete && may(world, 'left-pods') && prng.chance(0.2)) cluster.runPods(namespace, name);
    if (!world.faulty && world.config.ending === 'ttl-0') remove(job, false);
  };

  const stepPod = (job: V1Job, pod: V1Pod): void => {
    const uid = uidOf(job);
    const fate = fateOf(uid);
    if (listOf(world, pod) === undefined) return endJob(job, false);
    if (pod.status?.phase === 'Pending') {
      cluster.runPods(job.metadata?.namespace ?? '', job.metadata?.name ?? '');
      return;
    }
    if (fate.startsWith('half') && !wrote.has(uid)) {
      wrote.add(uid);
      write(world, pod, 'half');
      return;
    }
    const age = world.nowMs - (job.metadata?.creationTimestamp?.getTime() ?? 0);
    if (fate === 'hang' && age < HANG_MS && world.faulty) return;
    if (fate === 'full' || fate === 'half-then-full') write(world, pod, 'full');
    endJob(job, fate === 'full' || fate === 'half-then-full' || fate === 'nothing');
  };

  /** A pod whose Job has ended or gone: it may still write, and dies at last. */
  const stepOrphan = (pod: V1Pod): void => {
    if (prng.chance(0.3)) write(world, pod, prng.chance(0.5) ? 'half' : 'full');
    if (prng.chance(0.3) || !world.faulty) {
      world.log(() => `pod ${pod.metadata?.name} of a Job that ended or went dies`);
      cluster.removePod(pod.metadata?.namespace ?? '', pod.metadata?.name ?? '');
    }
  };

  const step = (): void => {
    const alive = cluster.pods().filter(({ status }) => status?.phase === 'Pending' || status?.phase === 'Running');
    if (alive.length > 0) {
      const pod = prng.pick(alive);
      const uid = pod.metadata?.labels?.['batch.kubernetes.io/controller-uid'];
      const job = cluster.jobs().find((each) => uidOf(each) === uid);
      if (job === undefined || isEnded(job)) stepOrphan(pod);
      else stepPod(job, pod);
    }
    const queued = cluster
      .jobs()
      .find((job) => job.spec?.suspend === true && job.metadata?.labels?.[QUEUE] !== undefined);
    if (queued !== undefined && prng.chance(0.5)) admit(queued);
    const old = cluster.jobs().find((job) => isEnded(job) && world.nowMs - endMs(job) > TTL_MS);
    if (old !== undefined && may(world, 'expire-job')) remove(old, false);
  };
  return { step, remove };
};

const endMs = (job: V1Job): number => job.status?.conditions?.at(-1)?.lastTransitionTime?.getTime() ?? Infinity;
