import type { V1ContainerStatus, V1PodStatus } from '@kubernetes/client-node';

/** What becomes of a pod, by the tag of its image: how a kubelet tells it in the pod's status. */
export const FATES = [
  'ok',
  'bad-image',
  'bad-name',
  'never-pull',
  'no-config',
  'crash',
  'unschedulable',
  'slow',
  'unready',
] as const;
export type Fate = (typeof FATES)[number];

export const fateOf = (image: string): Fate => {
  const tag = image.slice(image.lastIndexOf(':') + 1);
  return FATES.find((fate) => tag === fate || tag.startsWith(`${fate}-`)) ?? 'ok';
};

export const CRASH_LOG = 'panic: AUTH_TOKENS_FILE does not exist';

const waiting = (reason: string, message: string): Partial<V1ContainerStatus> => ({
  state: { waiting: { reason, message } },
});

const WAITING: Readonly<Record<string, Partial<V1ContainerStatus>>> = {
  'bad-image': waiting('ImagePullBackOff', 'Back-off pulling image: manifest unknown'),
  'bad-name': waiting('InvalidImageName', 'couldn’t parse image name'),
  'never-pull': waiting('ErrImageNeverPull', 'Container image is not present with pull policy of Never'),
  'no-config': waiting('CreateContainerConfigError', 'couldn’t find key sacred.pem in Secret'),
  crash: {
    ...waiting('CrashLoopBackOff', 'back-off 40s restarting failed container'),
    restartCount: 3,
    lastState: { terminated: { exitCode: 1, reason: 'Error', message: CRASH_LOG } },
  },
  slow: waiting('ContainerCreating', ''),
};

const condition = (type: string, status: 'True' | 'False', more: object = {}) => ({ type, status, ...more });

/** The status of a pod of one container; `ip` where it runs. */
export const statusOf = (fate: Fate, container: string, image: string, ip: string): V1PodStatus => {
  if (fate === 'unschedulable') {
    const message = '0/3 nodes are available: 3 Insufficient memory.';
    return { phase: 'Pending', conditions: [condition('PodScheduled', 'False', { reason: 'Unschedulable', message })] };
  }
  const isRunning = fate === 'ok' || fate === 'unready';
  const ready = fate === 'ok';
  const status = {
    name: container,
    image,
    imageID: '',
    ready,
    restartCount: 0,
    ...(isRunning ? { state: { running: {} } } : WAITING[fate]),
  };
  return {
    phase: isRunning ? 'Running' : 'Pending',
    ...(isRunning && { podIP: ip, podIPs: [{ ip }] }),
    conditions: [
      condition('PodScheduled', 'True'),
      condition('Ready', ready ? 'True' : 'False'),
      condition('ContainersReady', ready ? 'True' : 'False'),
    ],
    containerStatuses: [status],
  };
};
