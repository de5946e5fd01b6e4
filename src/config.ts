import { z } from 'zod';
import type { ClusterConfig } from './cluster/gke.ts';
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

/** Every environment variable of the functions; README and `infra/` list the same ones. */
export const EnvironmentSchema = z.object({
  STATE_URI: stateUri,
  // Which cluster: exactly one of GKE_CLUSTER, CONNECT_GATEWAY, KUBERNETES_ENDPOINT, KUBECONFIG.
  GKE_CLUSTER: z
    .string()
    .regex(/^projects\/[^/]+\/locations\/[^/]+\/clusters\/[^/]+$/, 'must be projects/P/locations/L/clusters/C')
    .optional(),
  // dns needs no network path and no cluster CA; the IP endpoints need a route to the control plane.
  GKE_ENDPOINT: z.enum(['dns', 'public', 'private'], { error: 'must be dns, public or private' }).default('dns'),
  GKE_API_ENDPOINT: url.optional(),
  CONNECT_GATEWAY: z
    .string()
    .regex(
      /^projects\/[0-9]+\/locations\/[^/]+\/memberships\/[^/]+$/,
      'must be projects/NUMBER/locations/L/memberships/M',
    )
    .optional(),
  KUBERNETES_ENDPOINT: z.url({ protocol: /^https$/, error: 'must be an https:// URL' }).optional(),
  KUBERNETES_CA: z.string().startsWith('-----BEGIN CERTIFICATE-----', 'must be a PEM certificate').optional(),
  KUBECONFIG: z.string().min(1).optional(),
  KUBECONFIG_CONTEXT: z.string().min(1).optional(),
  // What a request may name. Nothing in a request widens these.
  // Without it the first of ALLOWED_NAMESPACES, or `default`.
  NAMESPACE: z.string().regex(DNS_LABEL, 'must be a namespace name').optional(),
  ALLOWED_NAMESPACES: list('namespace names', (entry) => DNS_LABEL.test(entry)).optional(),
  ALLOWED_IMAGES: list('image repositories, or prefixes that end in "/"', (entry) =>
    /^[a-z0-9][a-z0-9._:/-]*$/.test(entry),
  ).default(['docai/flea-aggregator', 'docai/tensorio-models', 'docai/flea']),
  ALLOWED_BUCKETS: list('bucket names, without gs://', (entry) => gsUriProblem(`gs://${entry}/x`) === null),
  RELEASE_NAME: z.string().regex(DNS_LABEL, 'must be lower-case letters, digits and "-"').default('flea-aggregator'),
  // Configured values (defaults of the aggregator, rounds, lists, schedules): at most one of these.
  VALUES: z.string().optional(),
  VALUES_FILE: z.string().min(1).optional(),
  VALUES_URI: z
    .string()
    .refine((text) => gsUriProblem(text) === null, 'must be gs://BUCKET/NAME')
    .optional(),
  STORAGE_API_ENDPOINT: url.optional(),
  GOOGLE_CLOUD_PROJECT: z.string().min(1).optional(),
  // The identity of Cloud Scheduler's calls: the headers of a tick are accepted from this account only.
  SCHEDULER_SERVICE_ACCOUNT: z
    .string()
    .regex(/^[^\s@,]+@[^\s@,]+$/, 'must be the e-mail address of one service account')
    .optional(),
  // Whole request; below the function's own timeout, or the platform answers in our stead. Of `deploy`, which waits for
  // rollouts, it is 3540 where it is not set.
  REQUEST_TIMEOUT_SEC: seconds(60, 3600),
  // One call to Kubernetes or Google Cloud, its retries included.
  UPSTREAM_TIMEOUT_SEC: seconds(10, 300),
});

// The longest an HTTP function may take is an hour.
const DEPLOY_TIMEOUT_SEC = 3540;

type Environment = z.infer<typeof EnvironmentSchema>;

export interface Config {
  readonly stateUri: GsUri;
  readonly cluster: ClusterConfig;
  readonly defaultNamespace: string;
  readonly allowed: {
    readonly namespaces: readonly string[];
    readonly images: readonly string[];
    readonly buckets: readonly string[];
  };
  readonly releaseName: string;
  readonly values: ValuesSource;
  readonly storageApiEndpoint?: string;
  readonly projectId?: string;
  readonly schedulerServiceAccount?: string;
  readonly requestTimeoutMs: number;
  /** Of `deploy`: a wait, a rollback as long, and a minute must fit. */
  readonly deployTimeoutMs: number;
  readonly upstreamTimeoutMs: number;
}

export type ValuesSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'object'; readonly uri: string };

const WHERE = ['GKE_CLUSTER', 'CONNECT_GATEWAY', 'KUBERNETES_ENDPOINT', 'KUBECONFIG'] as const;
const VALUES = ['VALUES', 'VALUES_FILE', 'VALUES_URI'] as const;

type Issue = z.core.$ZodIssue;

/**
 * The functions' configuration from their environment. Throws ZodError with every fault at once, each under the name
 * of its variable; a variable set to nothing counts as not set. Values never appear in the error unless they are names.
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
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
    releaseName: env.RELEASE_NAME,
    values: valuesOf(env),
    ...(env.STORAGE_API_ENDPOINT !== undefined && { storageApiEndpoint: env.STORAGE_API_ENDPOINT }),
    ...(env.GOOGLE_CLOUD_PROJECT !== undefined && { projectId: env.GOOGLE_CLOUD_PROJECT }),
    ...(env.SCHEDULER_SERVICE_ACCOUNT !== undefined && { schedulerServiceAccount: env.SCHEDULER_SERVICE_ACCOUNT }),
    requestTimeoutMs: env.REQUEST_TIMEOUT_SEC * 1000,
    deployTimeoutMs: ('REQUEST_TIMEOUT_SEC' in set ? env.REQUEST_TIMEOUT_SEC : DEPLOY_TIMEOUT_SEC) * 1000,
    upstreamTimeoutMs: env.UPSTREAM_TIMEOUT_SEC * 1000,
  };
}

// Looked at beside the schema, not as a refinement of it: zod skips those once a field is wrong, and all faults are
// told at once.
function crossFieldIssues(set: Readonly<Record<string, string>>): Issue[] {
  const where = WHERE.filter((name) => name in set);
  const values = VALUES.filter((name) => name in set);
  const namespaces = set['ALLOWED_NAMESPACES']?.split(',').map((entry) => entry.trim());
  const namespace = set['NAMESPACE'];
  return [
    ...(where.length === 0
      ? [issueOf('GKE_CLUSTER', `is required (or one of ${WHERE.slice(1).join(', ')}): which cluster`)]
      : []),
    ...where.slice(1).map((name) => issueOf(name, `contradicts ${where[0]}: set one of them`)),
    ...values.slice(1).map((name) => issueOf(name, `contradicts ${values[0]}: set one of them`)),
    ...(namespace !== undefined && namespaces?.includes(namespace) === false
      ? [issueOf('NAMESPACE', `"${namespace}" is not among ALLOWED_NAMESPACES`)]
      : []),
  ];
}

function issueOf(name: string, message: string): Issue {
  return { code: 'custom', path: [name], message, input: undefined };
}

function clusterOf(env: Environment): ClusterConfig {
  if (env.KUBECONFIG !== undefined) {
    return {
      kind: 'kubeconfig',
      path: env.KUBECONFIG,
      ...(env.KUBECONFIG_CONTEXT !== undefined && { context: env.KUBECONFIG_CONTEXT }),
    };
  }
  if (env.KUBERNETES_ENDPOINT !== undefined) {
    return {
      kind: 'endpoint',
      server: env.KUBERNETES_ENDPOINT,
      ...(env.KUBERNETES_CA !== undefined && { caPem: env.KUBERNETES_CA }),
    };
  }
  if (env.CONNECT_GATEWAY !== undefined) {
    const [, projectNumber = '', , location = '', , membership = ''] = env.CONNECT_GATEWAY.split('/');
    return { kind: 'gateway', projectNumber, location, membership };
  }
  const gkeApiEndpoint = env.GKE_API_ENDPOINT;
  return {
    kind: 'gke',
    cluster: env.GKE_CLUSTER ?? '',
    endpoint: env.GKE_ENDPOINT,
    ...(gkeApiEndpoint !== undefined && { gkeApiEndpoint }),
  };
}

function valuesOf(env: Environment): ValuesSource {
  if (env.VALUES !== undefined) return { kind: 'text', text: env.VALUES };
  if (env.VALUES_FILE !== undefined) return { kind: 'file', path: env.VALUES_FILE };
  return env.VALUES_URI === undefined ? { kind: 'none' } : { kind: 'object', uri: env.VALUES_URI };
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
  return z
    .string()
    .regex(/^[0-9]{1,5}$/, 'must be a whole number of seconds')
    .transform(Number)
    .refine((value) => value >= 1 && value <= most, { error: `must be 1 to ${most} seconds` })
    .default(fallback);
}
