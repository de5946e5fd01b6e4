import type { V1Job, V1PodSpec } from '@kubernetes/client-node';
import type { Issue } from '../errors.ts';
import { ForbiddenError } from '../errors.ts';
import { gsUriProblem, parseGsUri } from '../storage/uri.ts';
import type { AggregationSpec } from './spec.ts';

/** The limits of this revision's configuration. No request, values document or upload can extend them. */
export interface Allowances {
  readonly namespaces: readonly string[];
  /** Image repositories; an entry that ends in `/` allows every repository under it. */
  readonly images: readonly string[];
  readonly buckets: readonly string[];
}

/** Throws ForbiddenError for what configuration does not allow. */
export function assertAllowed(issues: readonly Issue[]): void {
  if (issues.length === 0) return;
  const all = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  throw new ForbiddenError(`Configuration does not allow this: ${all}.`, { details: { issues } });
}

/** Whether configuration allows images of `repository`. */
export function isAllowedImage(allowed: readonly string[], repository: string): boolean {
  return allowed.some((entry) =>
    entry.endsWith('/')
      ? canonicalRepository(repository).startsWith(`${canonicalRepository(`${entry}x`).slice(0, -1)}`)
      : canonicalRepository(repository) === canonicalRepository(entry),
  );
}

// Every container runtime reads `docai/flea` as `docker.io/docai/flea`.
function canonicalRepository(repository: string): string {
  const [first = '', ...rest] = repository.split('/');
  const hasHost = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  if (hasHost) return first === 'index.docker.io' ? ['docker.io', ...rest].join('/') : repository;
  return rest.length === 0 ? `docker.io/library/${repository}` : `docker.io/${repository}`;
}

/** The issue with a `gs://` path of a request, or `null`. Checks the form, then the bucket. */
export function pathIssue(allowed: Allowances, path: string, text: string): Issue | null {
  const problem = gsUriProblem(text);
  if (problem !== null) return { path, message: `"${text.slice(0, 200)}" is ${problem}; write gs://BUCKET/NAME` };
  return bucketIssue(allowed, path, parseGsUri(text, path).bucket);
}

/** The issue with the bucket of the field `path`, or `null`. */
export function bucketIssue(allowed: Allowances, path: string, bucket: string): Issue | null {
  if (allowed.buckets.includes(bucket)) return null;
  return { path, message: `bucket "${bucket}" is not allowed by ALLOWED_BUCKETS; allowed: ${listed(allowed.buckets)}` };
}

function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(', ');
}

/** The issue with a namespace of a request, or `null`. */
export function namespaceIssue({ namespaces }: Allowances, path: string, namespace: string): Issue | null {
  if (namespaces.includes(namespace)) return null;
  return {
    path,
    message: `namespace "${namespace}" is not allowed by ALLOWED_NAMESPACES; allowed: ${listed(namespaces)}`,
  };
}

/** The issue with the image repository of the field `path`, or `null`. */
export function imageIssue({ images }: Allowances, path: string, repository: string): Issue | null {
  if (isAllowedImage(images, repository)) return null;
  return { path, message: `image "${repository}" is not allowed by ALLOWED_IMAGES; allowed: ${listed(images)}` };
}

/** All images of a pod that configuration does not allow: those of its containers and of its image volumes. */
export function allowedPodIssues(allowed: Allowances, path: string, pod: V1PodSpec): Issue[] {
  const images = [
    ...[...(pod.initContainers ?? []), ...pod.containers].map(({ image = '' }) => image),
    ...(pod.volumes ?? []).flatMap((volume) => (volume.image === undefined ? [] : [volume.image.reference ?? ''])),
  ];
  return images.flatMap((image) => imageIssue(allowed, path, repositoryOf(image)) ?? []);
}

/** An image reference without its tag and digest. */
function repositoryOf(image: string): string {
  return image.replace(/@sha256:[0-9a-f]+$/, '').replace(/:[\w][\w.-]*$/, '');
}

/** What configuration does not allow of a Job that was built from configured values: its namespace and its images. */
export function allowedJobIssues(allowed: Allowances, job: V1Job): Issue[] {
  const pod = job.spec?.template.spec;
  return [
    ...[namespaceIssue(allowed, 'namespace', job.metadata?.namespace ?? '')].filter((issue) => issue !== null),
    ...(pod === undefined ? [] : allowedPodIssues(allowed, 'aggregator.repository', pod)),
  ];
}

/** What configuration does not allow of a spec, of the images of its pod, and of the namespaces that `checkSecrets` names. */
export function allowanceIssues(
  allowed: Allowances,
  spec: AggregationSpec,
  pod: V1PodSpec | undefined,
  checkNamespaces: readonly (string | undefined)[] = [],
): Issue[] {
  return [
    namespaceIssue(allowed, 'namespace', spec.namespace),
    imageIssue(allowed, 'aggregator.repository', spec.repository),
    // Without an overlay the pod has no other image.
    ...(spec.pod === undefined || pod === undefined ? [] : allowedPodIssues(allowed, 'aggregator.pod', pod)),
    pathIssue(allowed, 'aggregator.checkpointsFilePath', spec.checkpointsFilePath),
    pathIssue(allowed, 'aggregator.outputPath', spec.outputPath),
    ...(['resourcePath', 'outputResourcePath'] as const).map((field) => {
      const text = spec[field];
      // A resource path names a model of the repository (/models/...) or objects.
      return text?.startsWith('gs://') === true ? pathIssue(allowed, `aggregator.${field}`, text) : null;
    }),
    ...checkNamespaces.map((namespace, index) =>
      namespace === undefined ? null : namespaceIssue(allowed, `checkSecrets[${index}].namespace`, namespace),
    ),
  ].filter((issue) => issue !== null);
}
