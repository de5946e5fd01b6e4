import { job, merge, paths, post } from '../step.ts';
import type { Json, Scenario, Step } from '../step.ts';

const { jobs } = paths;

function dry(spec: Json, pod: Json = {}, container: Json = {}): Step {
  return post(`${jobs}?dryRun=All`, job('j', spec, pod, container));
}

/** What a Job may ask for, and what of it may change. */
export const jobSpecScenario: Scenario = {
  name: 'job-spec',
  steps: [
    post(jobs, job('pj')),
    dry({ backoffLimit: -1 }),
    dry({ parallelism: -1, completions: -2, activeDeadlineSeconds: -1, ttlSecondsAfterFinished: -3 }),
    dry({}, { restartPolicy: 'Always' }),
    dry({}, { restartPolicy: 'Foo' }),
    dry({}, { restartPolicy: undefined }),
    dry({ backofLimit: 1 }),
    post(`${jobs}?fieldValidation=Strict`, job('j', { backofLimit: 1 }, { contaners: [] }, { imag: 'x' })),
    post(`${jobs}?dryRun=All`, { metadata: { name: 'j' } }),
    post(`${jobs}?dryRun=All`, { metadata: { name: 'j' }, spec: { template: { spec: {} } } }),
    dry({}, {}, { name: '', image: '' }),
    dry({}, {}, { name: 'Bad_Name' }),
    dry(
      {},
      {
        containers: [
          { name: 'a', image: 'i' },
          { name: 'a', image: 'j' },
        ],
      },
    ),
    dry({}, {}, { imagePullPolicy: 'Foo', terminationMessagePolicy: 'x' }),
    dry({ completionMode: 'Foo' }),
    dry({ podReplacementPolicy: 'Foo' }),
    dry({ selector: { matchLabels: { a: 'b' } } }),
    dry({ suspend: true }),
    dry({ completions: 0 }),
    dry({ parallelism: 0 }),
    dry({ completions: 3 }),
    dry({ parallelism: 3 }),
    dry({
      podFailurePolicy: {
        rules: [
          { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
        ],
      },
    }),
    dry({ podFailurePolicy: { rules: [{ action: 'Foo', onExitCodes: { operator: 'In', values: [0] } }] } }),
    dry({ podFailurePolicy: { rules: [{ action: 'Count' }] } }),
    dry({ podFailurePolicy: { rules: [{ action: 'Count', onExitCodes: { operator: 'Foo', values: [] } }] } }),
    dry({
      podFailurePolicy: {
        rules: [
          {
            action: 'Count',
            onExitCodes: { operator: 'In', values: [2, 1, 1], containerName: 'zz' },
            onPodConditions: [{ type: 'x' }],
          },
        ],
      },
    }),
    dry({ podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [1] } }] } }),
    dry({
      podReplacementPolicy: 'TerminatingOrFailed',
      podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] },
    }),
    dry({
      podFailurePolicy: { rules: [{ action: 'FailJob', onPodConditions: [{ type: 'bad type!', status: 'Foo' }] }] },
    }),
    dry({ podFailurePolicy: { rules: [] } }),
    dry(
      { podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] } },
      { restartPolicy: 'OnFailure' },
    ),
    // The name is too long for a label, of which there are two: which is named first is chance.
    post(`${jobs}?dryRun=All`, job('j'.repeat(64)), { differs: 'the second label is reported too' }),
    post(`${jobs}?dryRun=All`, job('a.b')),
    dry({ template: { metadata: { labels: { a: 'b' } } } }),
    dry({ template: { metadata: { labels: { 'bad key': 'b' }, annotations: { 'c d': 'e' } } } }),
    dry({ template: { metadata: { labels: { 'job-name': 'zz' } } } }),
    { ...dry({ maxFailedIndexes: 1 }), differs: 'Indexed Jobs are not supported', code: 501 },
    dry({ backoffLimit: 'a' }),
    dry({ backoffLimit: 1.5 }),
    { ...dry({ managedBy: 'x' }), differs: 'managedBy is not supported', code: 501 },
    merge(
      `${jobs}/pj`,
      { spec: { template: { spec: { containers: [{ name: 'c', image: 'z' }] } } } },
      { differs: 'the value is shown as JSON, not as the Go struct' },
    ),
    merge(`${jobs}/pj`, { spec: { completions: 5 } }),
    merge(
      `${jobs}/pj`,
      { spec: { selector: { matchLabels: { x: 'y' } } } },
      { differs: 'one of four causes is missing' },
    ),
    merge(`${jobs}/pj`, { spec: { backoffLimit: 9, parallelism: 2 } }),
    merge(`${jobs}/pj`, { spec: { ttlSecondsAfterFinished: 100, activeDeadlineSeconds: 100 } }),
    merge(`${jobs}/pj`, { spec: { podReplacementPolicy: 'Failed' } }),
    merge(
      `${jobs}/pj`,
      {
        spec: { podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] } },
      },
      { differs: 'the value is shown as JSON, not as the Go struct' },
    ),
    merge(`${jobs}/pj`, { spec: { suspend: true } }),
  ].map((step: Step): Step => ({ ...step, ignore: ['.body.status', 'resourceVersion'] })),
};
