import * as z from 'zod';
import { environmentProblem } from './aggregator-text.ts';
import { SCHEDULE_NAME } from './cron.ts';
import { environmentField, gsPathField, line, seconds, textField, wholeNumber } from './fields.ts';
import { DNS_LABEL, DNS_SUBDOMAIN } from './kubernetes-syntax.ts';
import type { Syntax } from './kubernetes-syntax.ts';
import { placeholderProblem, RUN_PLACEHOLDERS } from './placeholders.ts';
import { imageFields, podFields, PodOverlaySchema } from './pod-fields.ts';
import { SecretKeySchema, ServiceAccountSchema } from './secret-fields.ts';

/** Kubernetes' CronJob policies: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#concurrency-policy */
export const ConcurrencyPolicySchema = z.enum(['Allow', 'Forbid', 'Replace']);

// The short names are the first interface's, the long ones the later one's; they mean the same.
const AGGREGATION_TYPES = ['cma', 'wcma', 'CumulativeMovingAverage', 'WeightedCumulativeMovingAverage'] as const;

/** Placeholders count as they stand; what they are filled with is checked when they are. */
const AGGREGATION_ID: Syntax = {
  what: 'an aggregationId: 1 to 200 letters, digits or . _ : @ + ~ -, beginning with a letter or digit; {date}, {time}, {tick} and {schedule} are filled',
  pattern: String.raw`^[A-Za-z0-9{][A-Za-z0-9._:@+~{}-]{0,199}$`,
  test: (text) => /^[A-Za-z0-9{][A-Za-z0-9._:@+~{}-]{0,199}$/.test(text),
};

const URL_FORM =
  'the base URL of the repository API: http(s)://HOST/PATH, without user, query and fragment (its key comes from repositoryApiKey)';
const repositoryUrl = environmentField(
  z.string({ error: `is not ${URL_FORM}` }).refine(isPlainUrl, { error: `is not ${URL_FORM}` }),
).meta({ pattern: '^https?://' });

const resourcePath = environmentField(
  textField(line('a path of the repository, such as /models/M/hyperparameters/H/checkpoints/C')),
);

/** Fields of the later interface (bundles): all of them or none, except `exportType`; see `requireAggregator`. */
export const bundleFields = {
  resourcePath: resourcePath
    .optional()
    .describe('Path in the model repository of the checkpoint that the updates are based on.'),
  outputResourcePath: resourcePath.optional().describe('Path in the model repository of the new checkpoint.'),
  repositoryUrl: repositoryUrl.optional().describe('Base URL of the repository API.'),
  modelsToken: SecretKeySchema.optional().describe('Secret with the token for the models.'),
  repositoryApiKey: SecretKeySchema.optional().describe('Secret with the API key of the repository.'),
  exportType: z
    .enum(['checkpoint', 'saved_model', 'bundle'])
    .optional()
    .describe('Format of the result in the model repository. Default: bundle.'),
};

/** The values' `aggregator`. Everything is optional: configuration and request each give a part (`requireAggregator`). */
export const AggregatorSchema = z.strictObject({
  release: z
    .boolean()
    .optional()
    .describe('Whether deploy creates the Job. aggregate creates it unless this is false.'),
  releaseName: textField(DNS_LABEL)
    .optional()
    .describe('First part of the name of the Job. Default: the RELEASE_NAME variable.'),
  ...imageFields,
  aggregationId: withPlaceholders(textField(AGGREGATION_ID))
    .optional()
    .describe(
      'Name of the run. The same id again creates no second Job. May contain {date}, {time}, {tick} and {schedule}.',
    ),
  checkpointsFilePath: withPlaceholders(gsPathField('the object with the list of checkpoints, gs://BUCKET/NAME'))
    .optional()
    .describe('Object with the list of checkpoints. May contain the placeholders of aggregationId.'),
  outputPath: withPlaceholders(gsPathField('the directory for the average, gs://BUCKET/NAME'))
    .optional()
    .describe('Directory for the average. May contain the placeholders of aggregationId.'),
  onOutputExists: z
    .enum(['refuse', 'replace'])
    .optional()
    .describe(
      'Whether a Job is created when outputPath contains objects of another run, which it overwrites. Default: refuse.',
    ),
  aggregationType: z
    .enum(AGGREGATION_TYPES)
    .optional()
    .describe(
      'Cumulative moving average (cma), or weighted by the number of examples (wcma). The long names mean the same.',
    ),
  serviceAccount: ServiceAccountSchema.superRefine(({ mountPath }, context) => {
    const problem = environmentProblem(mountPath);
    if (problem !== null) context.addIssue({ code: 'custom', path: ['mountPath'], message: problem });
  })
    .optional()
    .describe('Secret with the key file of a Google service account, mounted in the container.'),
  ...bundleFields,
  ...podFields,
  pod: PodOverlaySchema.optional().describe(
    'Part of a PodSpec, merged over the pod. The container is named aggregator.',
  ),
  queueName: textField(DNS_SUBDOMAIN)
    .optional()
    .describe('Kueue LocalQueue of the Job. The Job is created suspended; Kueue admits it.'),
  spot: z.boolean().optional().describe('Whether the pod runs on a Spot VM. Default: false.'),
  activeDeadlineSeconds: seconds(1).optional().describe('Time limit of the Job in seconds. Default: 21600 (6 hours).'),
  backoffLimit: wholeNumber(0, 10).optional().describe('Number of pods tried after the first one fails. Default: 1.'),
  ttlSecondsAfterFinished: seconds(0)
    .optional()
    .describe('Seconds after which Kubernetes deletes the finished Job. Default: 604800 (a week).'),
  schedule: textField(SCHEDULE_NAME).optional().describe('Id of the schedule that this run belongs to.'),
  concurrencyPolicy: ConcurrencyPolicySchema.optional().describe(
    'What happens while an earlier run of the schedule is active, as for a CronJob. Default: Allow.',
  ),
});

export type AggregatorValues = z.infer<typeof AggregatorSchema>;

function withPlaceholders(field: z.ZodString) {
  return field.refine((text) => placeholderProblem(text, RUN_PLACEHOLDERS) === null, {
    error: (issue) => `has ${placeholderProblem(String(issue.input), RUN_PLACEHOLDERS) ?? ''}`,
  });
}

/** Never repeated in an error when it holds credentials. */
function isPlainUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return (
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === ''
  );
}
