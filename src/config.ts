import * as z from 'zod';
import type { ClusterConfig } from './cluster/access.ts';
import type { GsUri } from './storage/uri.ts';
import { gsUriProblem } from './storage/uri.ts';

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const url = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' });

const stateUri = z
  .string({ error: 'is required: where state is kept, gs://BUCKET/PREFIX' })
  .transform((text, context): GsUri => {
    const rest = text.replace(/\/+$/, '');
    const slash = rest.indexOf('/', 5);
    const problem = gsUriProblem(slash < 0 ? `${rest}/x` : rest);
    if (problem !== null) {
      context.addIssue({ code: 'custom', message: `is ${problem}; write gs://BUCKET or gs://BUCKET/PREFIX` });
      return z.NEVER;
    }
    return slash < 0
      ? { bucket: rest.slice(5), name: '' }
      : { bucket: rest.slice(5, slash), name: rest.slice(slash + 1) };
  });

const REQUEST_TIMEOUT_SEC = 60;
const UPSTREAM_TIMEOUT_SEC = 10;
const MAX_UPSTREAM_TIMEOUT_SEC = 300;

/** The environment variables of the functions. docs/configuration.md and `infra/terraform` list the same ones (`test/infra/environment.test.ts`). */
export const EnvironmentSchema = z.object({
  STATE_URI: stateUri.describe('Where the functions keep their state: gs://BUCKET/PREFIX.'),
  GKE_CLUSTER: text(/^projects\/[^/]+\/locations\/[^/]+\/clusters\/[^/]+$/, 'must be projects/P/locations/L/clusters/C')
    .optional()
    .describe('The cluster. Exactly one of GKE_CLUSTER, CONNECT_GATEWAY, KUBERNETES_ENDPOINT and KUBECONFIG is set.'),
  GKE_ENDPOINT: z
    .enum(['dns', 'public', 'private'], { error: 'must be dns, public or private' })
    .default('dns')
    .describe(
      'How GKE_CLUSTER is reached. dns needs no network path and no cluster CA; public and private need a route to the control plane.',
    ),
  GKE_API_ENDPOINT: url.optional().describe('Base URL of the GKE API, instead of that of Google.'),
  CONNECT_GATEWAY: text(
    /^projects\/[0-9]+\/locations\/[^/]+\/memberships\/[^/]+$/,
    'must be projects/NUMBER/locations/L/memberships/M',
  )
    .optional()
    .describe('The fleet membership of the cluster, reached through the Connect gateway.'),
  KUBERNETES_ENDPOINT: z
    .url({ protocol: /^https$/, error: 'must be an https:// URL' })
    .optional()
    .describe('Address of the API server.'),
  KUBERNETES_CA: z
    .string()
    .startsWith('-----BEGIN CERTIFICATE-----', 'must be a PEM certificate')
    .optional()
    .describe('CA certificate of KUBERNETES_ENDPOINT in PEM format. Default: the public CAs.'),
  KUBECONFIG: z.string().min(1).optional().describe('Path of a kubeconfig.'),
  KUBECONFIG_CONTEXT: z.string().min(1).optional().describe('Context of KUBECONFIG. Default: its current context.'),
  NAMESPACE: text(DNS_LABEL, 'must be a namespace name')
    .optional()
    .describe('Namespace of Jobs if the values name none. Default: the first of ALLOWED_NAMESPACES, or default.'),
  ALLOWED_NAMESPACES: list('namespace names', (entry) => DNS_LABEL.test(entry))
    .optional()
    .describe('Namespaces that a request may name. No request can extend this or the two lists below.'),
  ALLOWED_IMAGES: list('image repositories, or prefixes that end in "/"', (entry) =>
    /^[a-z0-9][a-z0-9._:/-]*$/.test(entry),
  )
    .default(['docai/flea-aggregator', 'docai/tensorio-models', 'docai/flea'])
    .describe(
      'Image repositories, or prefixes that end in "/", that a request may name. Default: the three of the chart.',
    ),
  ALLOWED_BUCKETS: list('bucket names, without gs://', (entry) => gsUriProblem(`gs://${entry}/x`) === null).describe(
    'Buckets that lists, updates and outputs may be in.',
  ),
  CALLER_FIELDS: list('value paths such as aggregator.nodeSelector', (entry) => /^aggregator\.[A-Za-z]+$/.test(entry))
    .default([])
    .describe('Fields of the aggregator that a caller may set to other values than the configured ones.'),
  ALLOWED_REPOSITORY_URLS: list('http:// or https:// URLs, or prefixes that end in "/"', (entry) =>
    /^https?:\/\/[^/]+/.test(entry),
  )
    .default([])
    .describe('URLs, or prefixes that end in "/", to which a caller may set aggregator.repositoryUrl.'),
  ALLOWED_SERVICE_ACCOUNTS: list('names of Kubernetes service accounts', (entry) => /^[a-z0-9][a-z0-9.-]*$/.test(entry))
    .default([])
    .describe('Kubernetes service accounts to which a caller may set aggregator.serviceAccountName.'),
  RELEASE_NAME: text(DNS_LABEL, 'must be lower-case letters, digits and "-"')
    .default('flea-aggregator')
    .describe('First part of the names of Jobs: RELEASE_NAME-aggregationId, as in the chart.'),
  VALUES: z
    .string()
    .optional()
    .describe(
      'The configured values as text: aggregator defaults, rounds, lists, schedules. At most one VALUES variable is set.',
    ),
  VALUES_FILE: z.string().min(1).optional().describe('Path of a mounted file with the configured values.'),
  VALUES_URI: z
    .string()
    .refine((text) => gsUriProblem(text) === null, 'must be gs://BUCKET/NAME')
    .optional()
    .describe('Object with the configured values, read again when its generation changes.'),
  STORAGE_API_ENDPOINT: url.optional().describe('Base URL of Cloud Storage, instead of that of Google.'),
  GOOGLE_CLOUD_PROJECT: z.string().min(1).optional().describe('Project of the trace field in log lines.'),
  SCHEDULER_SERVICE_ACCOUNT: text(/^[^\s@,]+@[^\s@,]+$/, 'must be the e-mail address of one service account')
    .optional()
    .describe('The account of the Cloud Scheduler calls. X-CloudScheduler headers of other callers are rejected.'),
  REQUEST_TIMEOUT_SEC: seconds(REQUEST_TIMEOUT_SEC, 3600).describe(
    "Limit of a whole request; must be below the function's own timeout. Default: 60, and 3540 for deploy, which waits for rollouts.",
  ),
  UPSTREAM_TIMEOUT_SEC: seconds(UPSTREAM_TIMEOUT_SEC, MAX_UPSTREAM_TIMEOUT_SEC).describe(
    'Limit of one call to Kubernetes or Google Cloud, including its retries. At most REQUEST_TIMEOUT_SEC. Default: 10.',
  ),
});

// An HTTP function may run for an hour at most.
const DEPLOY_TIMEOUT_SEC = 3540;

type Environment = z.infer<typeof EnvironmentSchema>;
export type Config = ReturnType<typeof parseConfig>;

export type ValuesSource = ReturnType<typeof valuesOf>;

const WHERE = ['GKE_CLUSTER', 'CONNECT_GATEWAY', 'KUBERNETES_ENDPOINT', 'KUBECONFIG'] as const;
const VALUES = ['VALUES', 'VALUES_FILE', 'VALUES_URI'] as const;

type Issue = z.core.$ZodIssue;

/**
 * Parses the configuration of the functions. An empty variable counts as not set. Throws ZodError with all issues; the path of each is the
 * variable's name. The error does not contain values, except names.
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>) {
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value !== undefined && value !== '') set[name] = value;
  const parsed = EnvironmentSchema.safeParse(set);
  const issues = [...(parsed.error?.issues ?? []), ...crossFieldIssues(set)];
  if (!parsed.success || issues.length > 0) throw new z.ZodError(issues);
  const env = parsed.data;
  const defaultNamespace = env.NAMESPACE ?? env.ALLOWED_NAMESPACES?.[0] ?? 'default';
  return {
    stateUri: env.STATE_URI,
    cluster: clusterOf(env),
    defaultNamespace,
    allowed: {
      namespaces: env.ALLOWED_NAMESPACES ?? [defaultNamespace],
      images: env.ALLOWED_IMAGES,
      buckets: env.ALLOWED_BUCKETS,
    },
    /** What callers may set beyond the fields that are always theirs. */
    powers: {
      callerFields: env.CALLER_FIELDS,
      repositoryUrls: env.ALLOWED_REPOSITORY_URLS,
      serviceAccounts: env.ALLOWED_SERVICE_ACCOUNTS,
    },
    releaseName: env.RELEASE_NAME,
    values: valuesOf(env),
    storageApiEndpoint: env.STORAGE_API_ENDPOINT,
    projectId: env.GOOGLE_CLOUD_PROJECT,
    schedulerServiceAccount: env.SCHEDULER_SERVICE_ACCOUNT,
    requestTimeoutMs: env.REQUEST_TIMEOUT_SEC * 1000,
    /** A wait, a rollback of the same length and a minute must fit. */
    deployTimeoutMs: ('REQUEST_TIMEOUT_SEC' in set ? env.REQUEST_TIMEOUT_SEC : DEPLOY_TIMEOUT_SEC) * 1000,
    upstreamTimeoutMs: env.UPSTREAM_TIMEOUT_SEC * 1000,
  };
}

// Not a refinement of the schema: zod skips refinements of an object when one of its fields is invalid.
function crossFieldIssues(set: Readonly<Record<string, string>>): Issue[] {
  const where = WHERE.filter((name) => name in set);
  const values = VALUES.filter((name) => name in set);
  const namespaces = set['ALLOWED_NAMESPACES']?.split(',').map((entry) => entry.trim());
  const namespace = set['NAMESPACE'];
  const upstreamSec = Number(set['UPSTREAM_TIMEOUT_SEC'] ?? UPSTREAM_TIMEOUT_SEC);
  const requestSec = Number(set['REQUEST_TIMEOUT_SEC'] ?? REQUEST_TIMEOUT_SEC);
  return [
    ...(where.length === 0
      ? [issueOf('GKE_CLUSTER', `is required (or one of ${WHERE.slice(1).join(', ')}): which cluster`)]
      : []),
    ...where.slice(1).map((name) => issueOf(name, `contradicts ${where[0]}: set one of them`)),
    ...values.slice(1).map((name) => issueOf(name, `contradicts ${values[0]}: set one of them`)),
    ...(namespace !== undefined && namespaces?.includes(namespace) === false
      ? [issueOf('NAMESPACE', `"${namespace}" is not among ALLOWED_NAMESPACES`)]
      : []),
    // A request that ends before its call does not contain the reason of the call's failure.
    ...(requestSec >= 1 && upstreamSec > requestSec && upstreamSec <= MAX_UPSTREAM_TIMEOUT_SEC
      ? [
          issueOf(
            'UPSTREAM_TIMEOUT_SEC',
            `is ${upstreamSec}, above the limit of a whole request: set at most REQUEST_TIMEOUT_SEC (${requestSec})`,
          ),
        ]
      : []),
  ];
}

function issueOf(name: string, message: string): Issue {
  return { code: 'custom', path: [name], message, input: undefined };
}

function clusterOf(env: Environment): ClusterConfig {
  if (env.KUBECONFIG !== undefined)
    return { kind: 'kubeconfig', path: env.KUBECONFIG, context: env.KUBECONFIG_CONTEXT };
  if (env.KUBERNETES_ENDPOINT !== undefined) {
    return { kind: 'endpoint', server: env.KUBERNETES_ENDPOINT, caPem: env.KUBERNETES_CA };
  }
  if (env.CONNECT_GATEWAY !== undefined) {
    const [, projectNumber = '', , location = '', , membership = ''] = env.CONNECT_GATEWAY.split('/');
    return { kind: 'gateway', projectNumber, location, membership };
  }
  const { GKE_CLUSTER: cluster = '', GKE_ENDPOINT: endpoint, GKE_API_ENDPOINT: gkeApiEndpoint } = env;
  return { kind: 'gke', cluster, endpoint, gkeApiEndpoint };
}

function valuesOf(env: Environment) {
  if (env.VALUES !== undefined) return { kind: 'text', text: env.VALUES } as const;
  if (env.VALUES_FILE !== undefined) return { kind: 'file', path: env.VALUES_FILE } as const;
  return env.VALUES_URI === undefined
    ? ({ kind: 'none' } as const)
    : ({ kind: 'object', uri: env.VALUES_URI } as const);
}

function text(pattern: RegExp, message: string) {
  return z.string().regex(pattern, message);
}

function list(what: string, check: (entry: string) => boolean) {
  return z
    .string({ error: `is required: ${what}, separated by commas` })
    .transform((text) => text.split(',').map((entry) => entry.trim()))
    .refine((entries) => entries.every((entry) => entry !== '' && check(entry)), {
      error: `must be ${what}, separated by commas`,
    });
}

function seconds(fallback: number, most: number) {
  return text(/^[0-9]{1,5}$/, 'must be a whole number of seconds')
    .transform(Number)
    .refine((value) => value >= 1 && value <= most, { error: `must be 1 to ${most} seconds` })
    .default(fallback);
}
