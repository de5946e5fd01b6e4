/** Valid variables. */
export const GOOD = {
  project: 'my-project',
  region: 'europe-west4',
  bundle: 'tests/bundle.txt',
  namespaces: ['models'],
  cluster: { location: 'europe-west4', name: 'training' },
  output_buckets: ['my-models'],
};

const UPLOADS = { location: 'EU' };
const CRON = { cron: '0 3 * * *' };

type Wrong = readonly [says: string, variables: Readonly<Record<string, unknown>>];

/** Invalid variables, each with the start of the expected error message. Merged over {@link GOOD}, one at a time or several. */
export const WRONG: readonly Wrong[] = [
  ['project must be the id', { project: 'My Project' }],
  ['region must be a region', { region: 'europe-west4-a' }],
  ['name must be 1 to 17', { name: 'a-name-that-is-too-long' }],
  ['labels must have keys and values', { labels: { Team: 'ML' } }],
  ['labels must not contain "app"', { labels: { app: 'other' } }],
  ['bundle: the file does not exist', { bundle: 'tests/none.zip' }],
  ['namespaces must contain at least one', { namespaces: [] }],
  ['namespaces must not contain a system namespace', { namespaces: ['models', 'kube-system'] }],
  ['images must be repositories', { images: ['docai/flea-aggregator:1.0', 'UPPER'] }],
  ['caller_fields must be', { caller_fields: ['nodeSelector'] }],
  ['repository_urls must be', { repository_urls: ['models.example.com'] }],
  ['service_accounts must be', { service_accounts: ['A B'] }],
  ['release_name must be', { release_name: 'Flea' }],
  ['values must be the text of a YAML mapping', { values: 'values.yaml' }],
  ['values_uri must be gs://', { values_uri: 'values.yaml' }],
  ['values_uri and values exclude each other', { values: 'rounds: []', values_uri: 'gs://bucket/values.yaml' }],
  ['invokers must be IAM members', { invokers: { aggregate: ['allUsers'] } }],
  ['invokers must be IAM members', { invokers: { deploy: ['a@example.com'] } }],
  ['aggregator_members must be service accounts', { aggregator_members: ['user:a@example.com'] }],
  ['functions: timeout_sec must be a whole number from 30', { functions: { deploy: { timeout_sec: 10 } } }],
  ['functions.aggregate.timeout_sec must be at most 1780', { functions: { aggregate: { timeout_sec: 3000 } } }],
  ['functions.oncheckpoint.timeout_sec must be at most 540', { functions: { oncheckpoint: { timeout_sec: 600 } } }],
  ['functions: memory must be', { functions: { aggregate: { memory: '256Mi' } } }],
  ['functions: max_instances must be', { functions: { aggregate: { max_instances: 0 } } }],
  ['functions: ingress must be', { functions: { aggregate: { ingress: 'internal-only' } } }],
  ['upstream_timeout_sec must be', { upstream_timeout_sec: 0.5 }],
  ['Give exactly one of cluster', { cluster: null }],
  ['Give exactly one of cluster', { kubernetes_endpoint: { server: 'https://10.0.0.2' } }],
  ['cluster.endpoint must be', { cluster: { ...GOOD.cluster, endpoint: 'DNS' } }],
  ['cluster.endpoint is private', { cluster: { ...GOOD.cluster, endpoint: 'private' } }],
  [
    'connect_gateway.project_number must be',
    { connect_gateway: { project_number: 'p', location: 'global', membership: 'm' } },
  ],
  ['kubernetes_endpoint.server must be', { kubernetes_endpoint: { server: 'http://10.0.0.2' } }],
  ['kubernetes_endpoint.ca must be', { kubernetes_endpoint: { server: 'https://10.0.0.2', ca: 'LS0tLS1CRUdJTg==' } }],
  ['vpc.egress must be', { vpc: { network: 'n', subnetwork: 's', egress: 'ALL' } }],
  ['upload_buckets: each key must be the name', { upload_buckets: { 'gs://uploads': UPLOADS } }],
  ['upload_buckets: location must be the location', { upload_buckets: { uploads: { location: 'europe west' } } }],
  [
    'upload_buckets: delete_after_days and delete_prefix need',
    { upload_buckets: { uploads: { ...UPLOADS, delete_after_days: 30 } } },
  ],
  [
    'upload_buckets: delete_prefix needs',
    { upload_buckets: { uploads: { ...UPLOADS, create: true, delete_prefix: 'a/' } } },
  ],
  [
    'upload_buckets: delete_after_days must be at least 8',
    { upload_buckets: { uploads: { ...UPLOADS, create: true, delete_after_days: 1 } } },
  ],
  ['read_buckets must contain names', { read_buckets: ['gs://lists'] }],
  ['output_buckets must contain names', { output_buckets: ['models/path'] }],
  ['Give at least one bucket', { output_buckets: [] }],
  ['state_bucket must be the name', { state_bucket: 'gs://state' }],
  ['state_bucket must not be an upload bucket', { state_bucket: 'uploads', upload_buckets: { uploads: UPLOADS } }],
  ['state_location must be the location', { state_location: 'europe west' }],
  ['state_keep_days must be 0', { state_keep_days: 3 }],
  ['schedules: each key must be the id', { schedules: { 'every night': CRON } }],
  ['schedules: cron must be', { schedules: { nightly: { cron: '@daily' } } }],
  ['schedules: body must be', { schedules: { nightly: { ...CRON, body: 'aggregationType: cma' } } }],
  ['schedules: retry_count must be', { schedules: { nightly: { ...CRON, retry_count: 9 } } }],
  ['schedules: an entry without cron', { schedules: { nightly: {} } }],
  [
    'schedules: cron differs',
    { schedules: { nightly: CRON }, values: 'schedules: [{name: nightly, cron: "0 4 * * *"}]' },
  ],
  ['sweep_cron must be', { sweep_cron: 'every minute' }],
  ['scheduler_region must be', { scheduler_region: 'EU' }],
  ['notification_channels must be', { notification_channels: ['ops@example.com'] }],
];

/** Groups of variables that one rule may read together. */
const TOGETHER: readonly (readonly string[])[] = [
  ['cluster', 'connect_gateway', 'kubernetes_endpoint', 'vpc'],
  ['upload_buckets', 'read_buckets', 'output_buckets', 'state_bucket'],
  ['values', 'values_uri', 'schedules'],
];

const touched = ([, variables]: Wrong): ReadonlySet<string> =>
  new Set(Object.keys(variables).map((name) => TOGETHER.find((group) => group.includes(name))?.[0] ?? name));

/** Groups the cases into few plans. A plan reports all errors at once; no case of a batch hides another. */
export const batches = (all: readonly Wrong[]): readonly (readonly Wrong[])[] => {
  const made: Wrong[][] = [];
  for (const wrong of all) {
    const names = touched(wrong);
    const batch = made.find((each) => each.every((other) => [...touched(other)].every((name) => !names.has(name))));
    if (batch === undefined) made.push([wrong]);
    else batch.push(wrong);
  }
  return made;
};
