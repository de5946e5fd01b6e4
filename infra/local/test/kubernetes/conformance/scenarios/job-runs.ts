import { get, job, merge, paths, post, remove, strategic } from '../step.ts';
import type { Json, RawAnswer, Scenario, Step } from '../step.ts';

const { events, jobs, pods } = paths;

// The order of the controllers' writes varies; other scenarios compare the final owners.
const ignore = ['managedFields', 'generateName'];

/** Jobs from their creation to their end, with pods that end as the scenario wants. */
export const jobRunsScenario: Scenario = {
  name: 'job-runs',
  steps: [
    post(jobs, job('succeeds')),
    jobOf('succeeds', status('active', 1)),
    podsOf('succeeds', 1, 'first'),
    ...runPod('first', 0),
    jobOf('succeeds', has('Complete')),
    get(`${pods}/\${first}`, { until: (answer) => at(answer.body, 'metadata', 'finalizers') === undefined, ignore }),
    get(`${events}?fieldSelector=involvedObject.name=succeeds`, {
      until: (answer) => at(answer.body, 'items', 'length') === 2,
      ignore: ['metadata', 'resourceVersion'],
    }),

    post(jobs, job('fails', { backoffLimit: 0 })),
    podsOf('fails', 1, 'failing'),
    ...runPod('failing', 3),
    jobOf('fails', has('Failed')),

    post(jobs, job('retries', { backoffLimit: 1 })),
    podsOf('retries', 1, 'attempt'),
    ...runPod('attempt', 3),
    jobOf(
      'retries',
      (answer) => at(answer.body, 'status', 'failed') === 1 && at(answer.body, 'status', 'active') === 1,
    ),
    podsOf('retries', 1, 'second'),
    ...runPod('second', 0),
    jobOf('retries', has('Complete')),

    post(
      jobs,
      job('policy', {
        podFailurePolicy: {
          rules: [
            { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
            { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
          ],
        },
      }),
    ),
    podsOf('policy', 1, 'disrupted'),
    ...runPod('disrupted', 137, { conditions: [{ type: 'DisruptionTarget', status: 'True' }] }),
    podsOf('policy', 1, 'fatal'),
    ...runPod('fatal', 42),
    jobOf('policy', has('Failed')),

    post(jobs, job('late', { activeDeadlineSeconds: 1 })),
    jobOf('late', has('Failed')),
    podsOf('late', 0),

    post(jobs, job('waits', { suspend: true })),
    jobOf('waits', has('Suspended')),
    merge(`${jobs}/waits`, { spec: { suspend: false } }, { ignore: ['managedFields', 'status'] }),
    podsOf('waits', 1),
    jobOf('waits', status('active', 1)),
    merge(`${jobs}/waits`, { spec: { suspend: true } }, { ignore: ['managedFields', 'status'] }),
    podsOf('waits', 0),
    // A newer server forgets, while a Job is suspended, when it was started.
    get(`${jobs}/waits`, {
      until: (answer) =>
        has('Suspended')(answer) && status('active', undefined)(answer) && status('terminating', 0)(answer),
      ignore: [...ignore, 'startTime'],
    }),

    post(jobs, job('many', { completions: 3, parallelism: 2 })),
    jobOf('many', status('active', 2)),
    podsOf('many', 2, 'one'),
    ...runPod('one', 0),
    jobOf('many', status('succeeded', 1)),
    podsOf('many', 2),

    post(jobs, job('brief', { ttlSecondsAfterFinished: 0 })),
    podsOf('brief', 1, 'short'),
    ...runPod('short', 0),
    get(`${jobs}/brief`, { until: (answer) => answer.code === 404 }),
    get(`${pods}/\${short}`, { until: (answer) => answer.code === 404 }),

    remove(`${jobs}/many`, undefined, { ignore: [...ignore, 'status'] }),
    get(`${jobs}/many`, { until: (answer) => answer.code === 404 }),
    get(`${pods}?labelSelector=job-name=many`, {
      until: (answer) => !JSON.stringify(answer.body).includes('ownerReferences'),
      ignore: [...ignore, 'items.0', 'items.1', 'items.2'],
    }),
    remove(`${jobs}/fails`, { propagationPolicy: 'Foreground' }, { ignore }),
    get(`${jobs}/fails`, { until: (answer) => answer.code === 404 }),
    get(`${pods}/\${failing}`, { until: (answer) => answer.code === 404 }),
    remove(`${jobs}/retries`, { propagationPolicy: 'Background' }),
    get(`${pods}/\${second}`, { until: (answer) => answer.code === 404 }),
  ],
};

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce(
    (found: unknown, step) => (found !== null && typeof found === 'object' ? Reflect.get(found, step) : undefined),
    value,
  );
}

function conditionTypes(answer: RawAnswer): readonly unknown[] {
  const conditions = at(answer.body, 'status', 'conditions');
  return Array.isArray(conditions)
    ? conditions.filter((each) => at(each, 'status') === 'True').map((each: unknown) => at(each, 'type'))
    : [];
}

function has(type: string) {
  return (answer: RawAnswer): boolean => conditionTypes(answer).includes(type);
}

function status(field: string, value: unknown) {
  return (answer: RawAnswer): boolean => at(answer.body, 'status', field) === value;
}

/** The pods of a Job, once there are `count` of them that have not ended. */
function podsOf(name: string, count: number, save?: string): Step {
  return get(`${pods}?labelSelector=job-name=${name}&fieldSelector=status.phase!=Succeeded,status.phase!=Failed`, {
    until: (answer) => at(answer.body, 'items', 'length') === count,
    ...(save !== undefined && { save: { [save]: 'items.0.metadata.name' } }),
  });
}

/** What a kubelet does: the pod is put on a node, and ends there with an exit code. */
function runPod(pod: string, exitCode: number, extra: Json = {}): readonly Step[] {
  return [
    post(`${pods}/\${${pod}}/binding`, { metadata: { name: `\${${pod}}` }, target: { kind: 'Node', name: 'nowhere' } }),
    strategic(
      `${pods}/\${${pod}}/status`,
      {
        status: {
          phase: exitCode === 0 ? 'Succeeded' : 'Failed',
          containerStatuses: [
            {
              name: 'c',
              image: 'i',
              imageID: '',
              ready: false,
              restartCount: 0,
              state: {
                terminated: { exitCode, startedAt: '2020-01-01T00:00:00Z', finishedAt: '2020-01-01T00:00:01Z' },
              },
            },
          ],
          ...extra,
        },
      },
      { ignore: ['managedFields'] },
    ),
  ];
}

function jobOf(name: string, until: (answer: RawAnswer) => boolean): Step {
  return get(`${jobs}/${name}`, { until, ignore });
}
