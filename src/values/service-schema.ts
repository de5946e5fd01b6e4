import * as z from 'zod';
import { freeKeyField, line, textField, wholeNumber } from './fields.ts';
import { DNS_LABEL, DNS_SUBDOMAIN, LABEL_VALUE } from './kubernetes-syntax.ts';
import type { Syntax } from './kubernetes-syntax.ts';
import { annotationsField, imageFields, kubernetes, PodOverlaySchema, podMetadataFields } from './pod-fields.ts';
import type { Fault } from './pod-fields.ts';
import { SecretKeySchema, ServiceAccountSchema, SigningAccountSchema } from './secret-fields.ts';

// https://cloud.google.com/storage/docs/buckets#naming
const BUCKET = /^(?=.{3,222}$)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*$/;
const bucket = textField({
  what: 'a bucket name, without gs:// and slashes',
  pattern: BUCKET.source,
  test: (text) => BUCKET.test(text),
}).optional();

const MAPPED_HOST: Syntax = {
  what: 'a host name, such as "models.example.com"',
  pattern: String.raw`^(\*\.)?[A-Za-z0-9.-]+(:[0-9]+)?$`,
  test: (text) =>
    DNS_SUBDOMAIN.test(
      text
        .toLowerCase()
        .replace(/^\*\./, '')
        .replace(/:\d{1,5}$/, ''),
    ),
};

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:\/\/[^/@?#]+(\/[^?#]*)?$/.test(text);
}

/** A part of the spec of a Kubernetes object. It is merged over the spec that the other fields make. */
export type SpecOverlay = Readonly<Record<string, unknown>>;

/** An overlay that cannot contain the fields in `computed`: this service sets them. */
function overlay(kind: string, computed: Readonly<Record<string, string>>) {
  return kubernetes<SpecOverlay>(`A part of a ${kind} of Kubernetes.`, (spec): Fault[] =>
    Object.keys(spec)
      .filter((field) => Object.hasOwn(computed, field))
      .map((field) => ({ path: [field], message: `cannot be given here: ${computed[field]}` })),
  );
}

const SELECTED = 'this service selects the pods of the Deployment';

/** The fields of both Deployments. */
const deploymentFields = {
  ...imageFields,
  ...podMetadataFields,
  pod: PodOverlaySchema.optional().describe(
    'Part of a PodSpec, merged over the pod. The container is named repository or flea.',
  ),
  spec: overlay('DeploymentSpec', {
    replicas: 'write deployment.replicas',
    selector: 'a release keeps its selector, which is immutable',
    template: 'write deployment.pod, deployment.podLabels and deployment.podAnnotations',
  })
    .optional()
    .describe('Part of a DeploymentSpec, for example strategy or progressDeadlineSeconds.'),
  metadata: z
    .strictObject({
      labels: z.record(freeKeyField, textField(LABEL_VALUE)).optional().describe('Further labels of the Deployment.'),
      annotations: annotationsField.optional().describe('Further annotations of the Deployment.'),
    })
    .optional()
    .describe('Further labels and annotations of the Deployment.'),
  replicas: wholeNumber(0, 1000)
    .optional()
    .describe('Number of pods. Without it, the present number is kept, or 1 pod is created.'),
  backend: z
    .enum(['memory', 'gcs'])
    .optional()
    .describe('Where the service keeps its state: in memory, or in Cloud Storage (gcs).'),
  authTokensFile: textField(line('an object name (gcs) or a path in the container (memory)'))
    .optional()
    .describe('File with the access tokens: an object of the bucket (gcs) or a path in the container (memory).'),
  // Mounts the token file from a Secret; the public images do not contain one.
  authTokensSecret: SecretKeySchema.optional().describe(
    'Secret that is mounted as the file with the access tokens. The public images contain no such file.',
  ),
  // Rolls the pods though nothing changed, as kubectl rollout restart does.
  restart: z
    .boolean()
    .optional()
    .describe('Whether the pods are replaced although nothing changed, as by kubectl rollout restart.'),
};

const port = wholeNumber(1, 65_535).optional();

const ServiceSchema = z
  .strictObject({
    type: z
      .enum(['ClusterIP', 'NodePort', 'LoadBalancer'])
      .optional()
      .describe('Type of the Service. Kubernetes takes ClusterIP if it is absent.'),
    grpcPort: port.describe('Port of the gRPC API. Default: 8080 for the repository, 8082 for flea.'),
    restPort: port.describe('Port of the REST API. Default: 8081 for the repository, 8083 for flea.'),
    hostname: textField(MAPPED_HOST).optional().describe('Public host name. Without it, no route is created.'),
    routing: z
      .enum(['none', 'ambassador', 'mapping', 'gateway'])
      .optional()
      .describe(
        'Kind of the route: none, an Ambassador annotation or Mapping, or a Gateway API HTTPRoute. Default: ambassador.',
      ),
    timeoutMs: wholeNumber(1, 86_400_000)
      .optional()
      .describe('Milliseconds that the route waits for a response. Default: that of the ingress.'),
    annotations: annotationsField.optional().describe('Further annotations of the Service.'),
    spec: overlay('ServiceSpec', { selector: SELECTED, type: 'write service.type' })
      .optional()
      .describe('Part of a ServiceSpec, merged over the Service. Ports are merged by their number.'),
    // The Gateway that `routing: gateway` attaches its HTTPRoute to.
    gateway: z
      .strictObject({
        name: textField(DNS_SUBDOMAIN).describe('Name of the Gateway.'),
        namespace: textField(DNS_LABEL)
          .optional()
          .describe('Namespace of the Gateway. Default: the namespace of the values.'),
        sectionName: textField(DNS_SUBDOMAIN).optional().describe('Listener of the Gateway. Default: all listeners.'),
      })
      .optional()
      .describe('Gateway that the HTTPRoute of routing: gateway is attached to.'),
  })
  .meta({ id: 'Service' });

const RepositoryDeploymentSchema = z.strictObject({
  ...deploymentFields,
  repositoryGcsBucket: bucket.describe('Bucket of the model repository, with backend: gcs.'),
  serviceAccount: ServiceAccountSchema.optional().describe(
    'Secret with the key file of a Google service account, mounted in the container.',
  ),
});

const FleaDeploymentSchema = z.strictObject({
  ...deploymentFields,
  fleaGcsBucket: bucket.describe('Bucket of the tasks, with backend: gcs.'),
  fleaUploadGcsBucket: bucket.describe('Bucket that clients upload updates to, with backend: gcs.'),
  modelsUri: textField({
    // flea appends /models/<model>/..., and the repository answers 404 to every path outside /v1/repository.
    what: 'the base URL of the repository API, http(s)://HOST[/PATH]/v1/repository',
    pattern: '^https?://.+/v1/repository$',
    test: (text) => isHttpUrl(text) && text.endsWith('/v1/repository'),
  })
    .optional()
    .describe('Base URL of the repository API that flea links to. Default: that of the repository in the values.'),
  serviceAccount: SigningAccountSchema.optional().describe(
    'Secret with the key file of a Google service account and the keys that sign upload URLs.',
  ),
});

/** The fields of both services besides the Deployment. */
const componentFields = {
  release: z.boolean().optional().describe('Whether deploy applies this service.'),
  service: ServiceSchema.optional().describe('The Service and its route.'),
  autoscaling: overlay('HorizontalPodAutoscalerSpec', { scaleTargetRef: 'this service sets it to the Deployment' })
    .optional()
    .describe('Part of a HorizontalPodAutoscalerSpec (autoscaling/v2). Creates a HorizontalPodAutoscaler.'),
  podDisruptionBudget: overlay('PodDisruptionBudgetSpec', { selector: SELECTED })
    .optional()
    .describe('Part of a PodDisruptionBudgetSpec, for example minAvailable: 1. Creates a PodDisruptionBudget.'),
  networkPolicy: overlay('NetworkPolicySpec', { podSelector: SELECTED })
    .optional()
    .describe('Part of a NetworkPolicySpec. Creates a NetworkPolicy; without ingress rules it denies all ingress.'),
};

/** The values' `repository`: the model repository. */
export const RepositorySchema = z.strictObject({
  ...componentFields,
  deployment: RepositoryDeploymentSchema.optional().describe('The Deployment.'),
});

/** The values' `flea`: the task server. */
export const FleaSchema = z.strictObject({
  ...componentFields,
  deployment: FleaDeploymentSchema.optional().describe('The Deployment.'),
});

export type RepositoryValues = z.infer<typeof RepositorySchema>;
export type FleaValues = z.infer<typeof FleaSchema>;
