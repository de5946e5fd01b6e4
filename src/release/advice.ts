import type { Values } from '../values/parse-values.ts';
import { COMPONENTS } from './manifests/component.ts';
import type { RenderContext } from './manifests/component.ts';
import { tokensPathOf } from './manifests/deployment.ts';
import { modelsUriOf } from './manifests/flea.ts';
import { plain } from './manifests/plain.ts';
import { releasedComponents } from './manifests/render.ts';
import { routingOf } from './manifests/routing.ts';
import type { ComponentName } from './names.ts';
import { serviceName } from './names.ts';

type Where = Pick<RenderContext, 'release' | 'namespace'>;

/** What may work and probably will not; told with the answer, and again beside the evidence if the pods fail. */
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
      `${at}.replicas is ${replicas} beside backend: memory: each pod has a state of its own, and answers differ from call to call.`,
    );
  }
  if (authTokensFile === undefined && tokensPathOf(deployment) === undefined) {
    warnings.push(`${at}.authTokensFile is not set: the service needs a token file to start.`);
  } else if (backend === 'memory' && deployment.authTokensSecret === undefined) {
    warnings.push(
      `${at}.authTokensFile is ${authTokensFile} in the container, which the public images do not contain: mount it from a Secret with ${at}.authTokensSecret {secret, key}.`,
    );
  }
  return warnings;
}

function routeWarnings(values: Values, name: ComponentName): string[] {
  return values[name]?.service?.hostname === undefined && values[name]?.service?.routing !== 'none'
    ? [`${name}.service.hostname is not set: nothing routes to it from outside of the cluster.`]
    : [];
}

function modelsUriWarnings(values: Values, where: Where): string[] {
  const { uri, from } = modelsUriOf(plain(values.flea?.deployment ?? {}), values.repository, where);
  switch (from) {
    case 'values':
      return [];
    case 'hostname':
      return [
        `MODELS_URI is ${uri}, made from repository.service.hostname; set flea.deployment.modelsUri for another scheme or path.`,
      ];
    case 'service':
      return [
        `MODELS_URI is ${uri}, which devices cannot reach: set flea.deployment.modelsUri or repository.service.hostname.`,
      ];
    case 'nothing':
      return ['MODELS_URI is not set: the links that devices get have no base; set flea.deployment.modelsUri.'];
  }
}

/** What a person wants to know next, as the chart's NOTES told it. */
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
  const service = serviceName(release, name);
  return `Test ${name}: kubectl --namespace ${namespace} port-forward service/${service} ${port}:${port} & curl http://127.0.0.1:${port}${healthPath}`;
}
