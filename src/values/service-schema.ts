import { z } from 'zod';
import { line, textField, wholeNumber } from './fields.ts';
import { DNS_LABEL, DNS_SUBDOMAIN } from './kubernetes-syntax.ts';
import type { Syntax } from './kubernetes-syntax.ts';
import { imageFields, podFields } from './pod-fields.ts';
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

/** What both services' Deployments take. */
const deploymentFields = {
  ...imageFields,
  ...podFields,
  replicas: wholeNumber(0, 1000).optional(),
  progressDeadlineSeconds: wholeNumber(1, 86_400).optional(),
  backend: z.enum(['memory', 'gcs']).optional(),
  authTokensFile: textField(line('an object name (gcs) or a path in the container (memory)')).optional(),
  // Mounts the token file from a Secret; the public images do not contain one.
  authTokensSecret: SecretKeySchema.optional(),
  // Rolls the pods though nothing changed, as kubectl rollout restart does.
  restart: z.boolean().optional(),
};

const port = wholeNumber(1, 65_535).optional();

const ServiceSchema = z.strictObject({
  type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).optional(),
  grpcPort: port,
  restPort: port,
  hostname: textField(MAPPED_HOST).optional(),
  routing: z.enum(['none', 'ambassador', 'mapping', 'gateway']).optional(),
  // The Gateway that `routing: gateway` attaches its HTTPRoute to.
  gateway: z
    .strictObject({
      name: textField(DNS_SUBDOMAIN),
      namespace: textField(DNS_LABEL).optional(),
      sectionName: textField(DNS_SUBDOMAIN).optional(),
    })
    .optional(),
});

const RepositoryDeploymentSchema = z.strictObject({
  ...deploymentFields,
  repositoryGcsBucket: bucket,
  serviceAccount: ServiceAccountSchema.optional(),
});

const FleaDeploymentSchema = z.strictObject({
  ...deploymentFields,
  fleaGcsBucket: bucket,
  fleaUploadGcsBucket: bucket,
  modelsUri: textField({
    // flea appends /models/<model>/..., and the repository answers 404 to every path outside /v1/repository.
    what: 'the base URL of the repository API, http(s)://HOST[/PATH]/v1/repository',
    pattern: '^https?://.+/v1/repository$',
    test: (text) => isHttpUrl(text) && text.endsWith('/v1/repository'),
  }).optional(),
  serviceAccount: SigningAccountSchema.optional(),
});

/** The values' `repository`: the model repository. */
export const RepositorySchema = z.strictObject({
  release: z.boolean().optional(),
  deployment: RepositoryDeploymentSchema.optional(),
  service: ServiceSchema.optional(),
});

/** The values' `flea`: the task server. */
export const FleaSchema = z.strictObject({
  release: z.boolean().optional(),
  deployment: FleaDeploymentSchema.optional(),
  service: ServiceSchema.optional(),
});

export type RepositoryValues = z.infer<typeof RepositorySchema>;
export type FleaValues = z.infer<typeof FleaSchema>;
