import type { CoreV1Event, V1Job, V1Pod, V1PodSpec, V1PodStatus } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { explainJob, liveState, plainSentence } from '../../src/jobs/explain.ts';
import type { JobFacts } from '../../src/jobs/facts.ts';
import { summarisePod } from '../../src/jobs/facts.ts';

// Statuses as kube-apiserver, kube-controller-manager and the kubelet write them.
const job = (over: Partial<V1Job> = {}): V1Job => ({
  metadata: { name: 'x', namespace: 'ns' },
  spec: {
    activeDeadlineSeconds: 60,
    template: { spec: { containers: [{ name: 'aggregator', image: 'docai/flea-aggregator:1' }] } },
  },
  ...over,
});

const condition = (type: string, reason: string, message = '') => ({ type, status: 'True', reason, message });

const failedJob = (reason: string, message: string): V1Job =>
  job({
    status: {
      conditions: [condition('FailureTarget', reason, message), condition('Failed', reason, message)],
      failed: 1,
    },
  });

const pod = (status: V1PodStatus, spec?: V1PodSpec): V1Pod => ({
  metadata: { name: 'x-abcde', namespace: 'ns' },
  ...(spec !== undefined && { spec }),
  status,
});
const ON_NODE: V1PodSpec = { nodeName: 'n1', containers: [] };

const container = (state: object, lastState: object = {}) => ({
  name: 'aggregator',
  image: 'i',
  imageID: '',
  ready: false,
  restartCount: 0,
  state,
  lastState,
});

const waiting = (reason: string, message: string): V1Pod =>
  pod({ phase: 'Pending', containerStatuses: [container({ waiting: { reason, message } })] });

const ended = (exitCode: number, reason: string, message = ''): V1Pod =>
  pod({ phase: 'Failed', containerStatuses: [container({ terminated: { exitCode, reason, message } })] });

const event = (reason: string, message: string): CoreV1Event => ({ reason, message, involvedObject: {}, metadata: {} });

const facts = (over: Partial<JobFacts>): JobFacts => ({ job: job(), pods: [], events: [], ...over });

describe('the cause of a Job’s problem', () => {
  test.each([
    [
      'deadline-exceeded',
      facts({ job: failedJob('DeadlineExceeded', 'Job was active longer than specified deadline') }),
      /longer than activeDeadlineSeconds \(60\).*Raise/,
    ],
    [
      'out-of-memory',
      facts({ job: failedJob('BackoffLimitExceeded', 'x'), pods: [ended(137, 'OOMKilled')] }),
      /out of memory.*137.*limits\.memory/,
    ],
    [
      'evicted',
      facts({ pods: [pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' })] }),
      /evicted.*low on resource/,
    ],
    [
      'disrupted',
      facts({
        pods: [
          pod({ phase: 'Failed', conditions: [condition('DisruptionTarget', 'PreemptionByScheduler', 'preempted')] }),
        ],
      }),
      /disrupted \(PreemptionByScheduler\).*new pod follows/,
    ],
    [
      'crashed',
      facts({
        job: failedJob('BackoffLimitExceeded', 'x'),
        pods: [ended(1, 'Error', 'a\nAggregation failed: update 3 is corrupt\n')],
      }),
      /exit code 1\. Its last line: Aggregation failed: update 3 is corrupt/,
    ],
    ['crashed', facts({ pods: [ended(1, 'Error')] }), /exit code 1\.$/],
    [
      'missing-secret',
      facts({ pods: [waiting('CreateContainerConfigError', 'secret "sacred" not found')] }),
      /secret "sacred" not found.*kubectl create secret/,
    ],
    [
      'image-pull',
      facts({ pods: [waiting('ImagePullBackOff', 'Back-off pulling image "docai/flea-aggregator:1"')] }),
      /docai\/flea-aggregator:1.*ImagePullBackOff.*tag/,
    ],
    ['image-pull', facts({ pods: [waiting('InvalidImageName', 'couldn’t parse image name')] }), /InvalidImageName/],
    [
      'container-start',
      facts({ pods: [waiting('RunContainerError', 'exec: not found')] }),
      /RunContainerError.*not found/,
    ],
    [
      'unschedulable',
      facts({
        pods: [
          pod({
            phase: 'Pending',
            conditions: [
              {
                type: 'PodScheduled',
                status: 'False',
                reason: 'Unschedulable',
                message: '0/1 nodes are available: 1 Insufficient memory.',
              },
            ],
          }),
        ],
      }),
      /No node.*Insufficient memory/,
    ],
    [
      'mount',
      facts({ pods: [pod({ phase: 'Pending' })], events: [event('FailedMount', 'secret "sacred" not found')] }),
      /cannot be mounted.*not found/,
    ],
    [
      'quota',
      facts({ events: [event('FailedCreate', 'Error creating: pods "x" is forbidden: exceeded quota: q')] }),
      /quota is used up.*exceeded quota: q/,
    ],
    [
      'pod-security',
      facts({
        events: [
          event(
            'FailedCreate',
            'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
          ),
        ],
      }),
      /namespace ns enforces the Pod Security level "restricted".*runAsNonRoot != true.*podSecurityContext.*kubectl label --overwrite namespace ns/,
    ],
    [
      'root-image',
      facts({ pods: [waiting('CreateContainerConfigError', 'container has runAsNonRoot and image will run as root')] }),
      /image will run as root\. Set podSecurityContext\.runAsUser/,
    ],
    [
      'suspended',
      facts({
        job: job({
          metadata: { labels: { 'kueue.x-k8s.io/queue-name': 'gpu' } },
          spec: { suspend: true, template: {} },
        }),
      }),
      /queue "gpu"/,
    ],
    [
      'crashed',
      facts({ pods: [ended(137, 'Error')] }),
      /^The aggregator ended with exit code 137 \(SIGKILL: it was killed from outside.*\)\.$/,
    ],
    [
      'rejected',
      facts({
        pods: [pod({ phase: 'Failed', reason: 'OutOfcpu', message: 'Node didn’t have enough resource: cpu' }, ON_NODE)],
      }),
      /kubelet of node n1 rejected.*\(OutOfcpu\).*enough resource: cpu/,
    ],
    [
      'image-pull',
      facts({
        job: job({
          spec: {
            template: {
              spec: {
                initContainers: [{ name: 'fetch', image: 'docai/fetch:9' }],
                containers: [{ name: 'aggregator', image: 'docai/flea-aggregator:1' }],
              },
            },
          },
        }),
        pods: [
          pod({
            phase: 'Pending',
            initContainerStatuses: [
              { ...container({ waiting: { reason: 'ErrImagePull', message: 'not found' } }), name: 'fetch' },
            ],
            containerStatuses: [container({ waiting: { reason: 'PodInitializing' } })],
          }),
        ],
      }),
      /^The image "docai\/fetch:9" of its container "fetch" cannot be pulled/,
    ],
    [
      'crashed',
      facts({
        pods: [
          pod({
            phase: 'Failed',
            containerStatuses: [
              container({ terminated: { exitCode: 143, finishedAt: new Date(2_000) } }),
              { ...container({ terminated: { exitCode: 3, finishedAt: new Date(1_000) } }), name: 'proxy' },
            ],
          }),
        ],
      }),
      /^The container "proxy" ended with exit code 3\./,
    ],
    [
      'other-container',
      facts({
        pods: [
          pod({
            phase: 'Running',
            containerStatuses: [
              container({ terminated: { exitCode: 0 } }),
              { ...container({ running: {} }), name: 'proxy' },
            ],
          }),
        ],
      }),
      /aggregator ended with exit code 0, and its pod x-abcde waits for the container "proxy" to end/,
    ],
    [
      'scale-up',
      facts({
        pods: [
          pod({
            phase: 'Pending',
            conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' }],
          }),
        ],
        events: [
          event('FailedScheduling', '0/1 nodes'),
          event('TriggeredScaleUp', 'pod triggered scale-up: [{pool 0->1 (max: 3)}]'),
        ],
      }),
      /^The cluster adds a node for its pod\. pod triggered scale-up/,
    ],
    [
      'node-lost',
      facts({
        pods: [
          pod(
            {
              phase: 'Running',
              conditions: [condition('DisruptionTarget', 'DeletionByTaintManager')],
              containerStatuses: [container({ running: {} })],
            },
            ON_NODE,
          ),
        ],
      }),
      /node n1, which does not respond.*kubectl delete pod x-abcde --namespace ns --force/,
    ],
    ['failed', facts({ job: failedJob('PodFailurePolicy', 'rule 1') }), /PodFailurePolicy.*rule 1/],
  ] as const)('%s', (cause, given, words) => {
    const explained = explainJob(given);
    expect(explained?.cause).toBe(cause);
    expect(explained?.why).toMatch(words);
    expect(explained?.why).not.toContain('undefined');
  });

  test('none while it progresses and when it is complete', () => {
    expect(
      explainJob(facts({ pods: [pod({ phase: 'Running', containerStatuses: [container({ running: {} })] })] })),
    ).toBeNull();
    const complete = job({ status: { conditions: [condition('Complete', 'CompletionsReached')] } });
    // The pod that failed first does not matter once another one completed.
    expect(explainJob(facts({ job: complete, pods: [ended(1, 'Error'), pod({ phase: 'Succeeded' })] }))).toBeNull();
  });
});

test.each([
  [facts({}), 'created'],
  [facts({ pods: [pod({ phase: 'Pending' })] }), 'pending'],
  [facts({ pods: [pod({ phase: 'Running' })] }), 'running'],
  [facts({ pods: [pod({ phase: 'Failed' })] }), 'running'],
  [facts({ job: job({ status: { conditions: [condition('Complete', 'CompletionsReached')] } }) }), 'complete'],
  [facts({ job: failedJob('BackoffLimitExceeded', '') }), 'failed'],
])('a Job’s state', (given, state) => {
  expect(liveState(given)).toBe(state);
  expect(plainSentence(given)).toMatch(/^(Job|Its) .*\.$/);
});

test('a pod’s summary has the reason, the message and the exit code', () => {
  expect(summarisePod(ended(2, 'Error', 'why'))).toEqual({
    name: 'x-abcde',
    phase: 'Failed',
    reason: 'Error',
    message: 'why',
    exitCode: 2,
    restarts: 0,
  });
});

test('a Job that continues after a failed pod is described by its newest pod, with the failure', () => {
  const running = pod({ phase: 'Running', containerStatuses: [container({ running: {} })] });
  const goesOn = facts({ pods: [ended(1, 'Error', 'Aggregation failed: no memory'), running] });
  expect(explainJob(goesOn)).toBeNull();
  expect(plainSentence(goesOn)).toBe(
    'Its pod x-abcde is running. The one before it ended with exit code 1. Its last line: Aggregation failed: no memory',
  );
  const stuck = facts({ pods: [ended(1, 'Error'), waiting('ImagePullBackOff', 'x')] });
  expect(explainJob(stuck)).toMatchObject({ cause: 'image-pull' });
});

test.each([
  [waiting('InvalidImageName', 'couldn’t parse image name'), true],
  [waiting('ErrImagePull', 'rpc error: code = NotFound desc = docker.io/docai/x:9: not found'), true],
  [waiting('ImagePullBackOff', 'Back-off pulling image "docai/x"'), false],
  [waiting('ErrImagePull', 'dial tcp: i/o timeout'), false],
  [waiting('CreateContainerConfigError', "couldn't find key sacred.json in Secret models/sacred"), true],
  [waiting('CreateContainerError', 'context deadline exceeded'), false],
])('a cause that waiting does not remove is permanent (%#)', (given, isPermanent) => {
  expect(explainJob(facts({ pods: [given] }))?.isPermanent).toBe(isPermanent);
});
