import type { V1PodSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../cluster/release-port.ts';
import type { Issue } from '../errors.ts';
import { allowedPodIssues, bucketIssue, imageIssue, namespaceIssue } from '../jobs/allowed.ts';
import type { Allowances } from '../jobs/allowed.ts';
import type { Values } from '../values/parse-values.ts';
import { InvalidReleaseError } from './errors.ts';
import { COMPONENTS, plain } from './manifests/component.ts';
import type { RenderContext } from './manifests/component.ts';
import { modelsUriOf, mountFolders, tokensPathOf } from './manifests/deployment.ts';
import type { DeploymentValues } from './manifests/deployment.ts';
import { overridesOf, releasedComponents, renderRelease } from './manifests/render.ts';
import { routingOf } from './manifests/service.ts';
import { deploymentName, overrideIssues, releaseNameProblem, serviceName } from './names.ts';
import type { ComponentName, Naming } from './names.ts';
import { podSpecsOf } from './readiness.ts';

const NOTHING = 'nothing to deploy: none of repository.release, flea.release and aggregator.release is true';
const IS_AGGREGATION =
  'the values describe an aggregation only: send them to the function aggregate, or set aggregator.release to true to run it from deploy';

/** Problems with the name of a release. */
export function releaseIssues(naming: Naming, components: readonly ComponentName[] = []): Issue[] {
  const problem = releaseNameProblem(naming, components);
  return [
    ...(problem === null ? [] : [{ path: 'release', message: `"${naming.release.slice(0, 80)}" ${problem}` }]),
    ...overrideIssues(naming, components),
  ];
}

/** All reasons why the values cannot be deployed as this release, beyond the schema of the values. */
export function validateRelease(
  values: Values,
  release: string,
  namespace: string,
  allowed: Allowances,
): readonly Issue[] {
  const components = releasedComponents(values);
  const namespaceProblem = namespaceIssue(allowed, 'namespace', namespace);
  return [
    ...(components.length === 0 && values.aggregator?.release !== true ? [nothingToDeploy(values)] : []),
    ...releaseIssues({ release, ...overridesOf(values) }, components),
    ...(namespaceProblem === null ? [] : [namespaceProblem]),
    ...components.flatMap((name) => [
      ...imageIssues(values, name, allowed),
      ...tokenIssues(values, name),
      ...mountIssues(values, name),
    ]),
    ...(components.includes('flea') ? modelsUriIssues(values, { release, namespace }) : []),
    ...bucketIssues(values, allowed),
    ...checkIssues(values, allowed),
    ...overlayIssues(values, { release, namespace }, allowed),
  ];
}

/** The images and buckets of pods that an overlay changes. */
function overlayIssues(values: Values, where: Where, allowed: Allowances): Issue[] {
  const names = releasedComponents(values).filter((name) => deploymentOf(values, name).pod !== undefined);
  const objects = names.length === 0 ? [] : renderRelease(values, { ...where, restartedAt: {} });
  return names.flatMap((name) =>
    objects
      .filter(({ metadata }) => metadata.name === deploymentName(where.release, name))
      .flatMap(podSpecsOf)
      .flatMap((pod) => podIssues(allowed, `${name}.deployment.pod`, pod)),
  );
}

function nothingToDeploy({ repository, flea, aggregator, rounds, lists }: Values): Issue {
  const isAggregation = (aggregator !== undefined || rounds.length > 0 || lists.length > 0) && !repository && !flea;
  return { path: '', message: isAggregation ? `${NOTHING}; ${IS_AGGREGATION}` : NOTHING };
}

function imageIssues(values: Values, name: ComponentName, allowed: Allowances): Issue[] {
  const issue = imageIssue(allowed, `${name}.deployment.repository`, deploymentOf(values, name).repository ?? '');
  return issue === null ? [] : [issue];
}

function deploymentOf(values: Values, name: ComponentName): DeploymentValues {
  return plain(values[name]?.deployment ?? {});
}

function tokenIssues(values: Values, name: ComponentName): Issue[] {
  const deployment = deploymentOf(values, name);
  if (deployment.authTokensFile !== undefined || tokensPathOf(deployment) !== undefined) return [];
  const message =
    'is missing: the service does not start without a token file; write its object name (gcs) or path (memory), or set authTokensSecret';
  return [{ path: `${name}.deployment.authTokensFile`, message }];
}

function modelsUriIssues(values: Values, where: Where): Issue[] {
  const { from } = modelsUriOf(plain(values.flea?.deployment ?? {}), values.repository, {
    ...where,
    ...overridesOf(values),
  });
  if (from !== 'nothing') return [];
  const message =
    'is missing: flea does not start without MODELS_URI; write the base URL of the repository API, http(s)://HOST[/PATH]/v1/repository';
  return [{ path: 'flea.deployment.modelsUri', message }];
}

function mountIssues(values: Values, name: ComponentName): Issue[] {
  const deployment = deploymentOf(values, name);
  const at = `${name}.deployment`;
  const issues: Issue[] = [];
  if (deployment.authTokensSecret !== undefined && deployment.backend === 'gcs') {
    const message = 'has no effect with backend: gcs, which reads authTokensFile from its bucket: remove it';
    return [{ path: `${at}.authTokensSecret`, message }];
  }
  if (deployment.authTokensSecret !== undefined && deployment.authTokensFile?.startsWith('/') === false) {
    const message =
      'is not a path from the root: the token file is mounted there, so write one such as /etc/tokens/AuthTokens.txt';
    issues.push({ path: `${at}.authTokensFile`, message });
  }
  const folders = mountFolders(deployment);
  if (new Set(folders).size < folders.length) {
    const message = `is in the folder ${folders[0]}, where serviceAccount is mounted: two Secrets cannot be mounted at one folder`;
    issues.push({ path: `${at}.authTokensFile`, message });
  }
  return issues;
}

function bucketIssues(values: Values, allowed: Allowances): Issue[] {
  return releasedComponents(values).flatMap((name) =>
    (['repositoryGcsBucket', 'fleaGcsBucket', 'fleaUploadGcsBucket'] as const).flatMap((field) => {
      const bucket = deploymentOf(values, name)[field];
      return bucket === undefined ? [] : (bucketIssue(allowed, `${name}.deployment.${field}`, bucket) ?? []);
    }),
  );
}

function checkIssues(values: Values, allowed: Allowances): Issue[] {
  return values.checkSecrets.flatMap(({ namespace }, index) => {
    const issue =
      namespace === undefined ? null : namespaceIssue(allowed, `checkSecrets[${index}].namespace`, namespace);
    return issue === null ? [] : [issue];
  });
}

/** Images and buckets of a recorded revision that the configuration no longer allows. */
export function revisionIssues(objects: readonly KubeObject[], allowed: Allowances): readonly Issue[] {
  return objects.flatMap((object) =>
    podSpecsOf(object).flatMap((pod) => podIssues(allowed, `${object.kind}/${object.metadata.name}`, pod)),
  );
}

/** What configuration does not allow of a pod: its images and the buckets in its environment. */
function podIssues(allowed: Allowances, path: string, pod: V1PodSpec): Issue[] {
  const env = [...(pod.initContainers ?? []), ...pod.containers].flatMap((container) => container.env ?? []);
  const buckets = env.filter(({ name }) => name.endsWith('_GCS_BUCKET')).map(({ value = '' }) => value);
  return [
    ...allowedPodIssues(allowed, path, pod),
    ...[...new Set(buckets)].flatMap((bucket) => bucketIssue(allowed, path, bucket) ?? []),
  ];
}

/** Throws InvalidReleaseError for an invalid release name or a namespace that is not allowed. */
export function assertSite(release: string, namespace: string | undefined, allowed: Allowances): void {
  const problem = namespace === undefined ? null : namespaceIssue(allowed, '?namespace', namespace);
  const issues = [...releaseIssues({ release }), ...(problem === null ? [] : [problem])];
  if (issues.length > 0) throw new InvalidReleaseError(issues, { details: { outcome: 'invalid' } });
}

type Where = Pick<RenderContext, 'release' | 'namespace'>;

/** Warnings on values that may not work as intended. A failure repeats them beside the evidence. */
export function adviseRelease(values: Values, where: Where): string[] {
  const components = releasedComponents(values);
  return [
    ...components.flatMap((name) => [...deploymentWarnings(values, name), ...routeWarnings(values, name)]),
    ...(components.includes('flea') ? modelsUriWarnings(values, where) : []),
  ];
}

function deploymentWarnings(values: Values, name: ComponentName): string[] {
  const deployment = plain(values[name]?.deployment ?? {});
  const { backend, replicas = 1, authTokensFile } = deployment;
  const at = `${name}.deployment`;
  const warnings: string[] = [];
  if (backend === 'memory' && replicas > 1) {
    warnings.push(
      `${at}.replicas is ${replicas} beside backend: memory: each pod has its own state, so that responses differ from call to call.`,
    );
  }
  if (backend === 'memory' && authTokensFile !== undefined && deployment.authTokensSecret === undefined) {
    warnings.push(
      `${at}.authTokensFile is ${authTokensFile} in the container, which the public images do not contain: mount it from a Secret with ${at}.authTokensSecret {secret, key}.`,
    );
  }
  return warnings;
}

function routeWarnings(values: Values, name: ComponentName): string[] {
  return values[name]?.service?.hostname === undefined && values[name]?.service?.routing !== 'none'
    ? [`${name}.service.hostname is not set: no route from outside the cluster exists.`]
    : [];
}

function modelsUriWarnings(values: Values, where: Where): string[] {
  const { uri, from } = modelsUriOf(plain(values.flea?.deployment ?? {}), values.repository, {
    ...where,
    ...overridesOf(values),
  });
  switch (from) {
    case 'values':
    case 'nothing':
      return [];
    case 'hostname':
      return [
        `MODELS_URI is ${uri}, made from repository.service.hostname; set flea.deployment.modelsUri for https or another path.`,
      ];
    case 'service':
      return [
        `MODELS_URI is ${uri}, which devices cannot reach: set flea.deployment.modelsUri or repository.service.hostname.`,
      ];
  }
}

/** Backends, URLs and test commands, as in the chart's NOTES. */
export function buildNotes(values: Values, where: Where): string[] {
  return releasedComponents(values).flatMap((name) => [
    `${name}: backend ${values[name]?.deployment?.backend ?? 'memory'}`,
    ...urlsOf(values, name),
    testOf(values, name, where),
  ]);
}

function urlsOf(values: Values, name: ComponentName): string[] {
  const service = plain(values[name]?.service ?? {});
  const { healthPath, grpcPrefix } = COMPONENTS[name];
  if (routingOf(service) === 'none') return [];
  const host = service.hostname ?? '';
  return [`${name}: REST at http://${host}/rest${healthPath.replace(/\/healthz$/, '/')}, gRPC at ${host}${grpcPrefix}`];
}

function testOf(values: Values, name: ComponentName, { release, namespace }: Where): string {
  const { healthPath, restPort } = COMPONENTS[name];
  const port = values[name]?.service?.restPort ?? restPort;
  const service = serviceName({ release, ...overridesOf(values) }, name);
  return `Test ${name}: kubectl --namespace ${namespace} port-forward service/${service} ${port}:${port} & curl http://127.0.0.1:${port}${healthPath}`;
}
