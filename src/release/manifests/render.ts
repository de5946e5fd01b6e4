import type { V1Deployment, V1EnvVar, V1Service } from '@kubernetes/client-node';
import type { KubeObject } from '../../cluster/release-port.ts';
import type { Values } from '../../values/parse-values.ts';
import type { FleaValues, RepositoryValues } from '../../values/service-schema.ts';
import { deploymentName, labelsOf, selectorOf } from '../names.ts';
import type { ComponentName, Naming } from '../names.ts';
import { COMPONENTS, plain } from './component.ts';
import type { Component, RenderContext } from './component.ts';
import { buildDeployment, fleaEnv, modelsUriOf, repositoryEnv } from './deployment.ts';
import { buildRoutes, buildService } from './service.ts';

/** Must change when the same values render to other objects. */
export const RENDERER_VERSION = '3';

interface Rendered {
  readonly service: V1Service;
  readonly deployment: V1Deployment;
  /** Applied after the Deployments. */
  readonly more: readonly KubeObject[];
}

const RENDERERS = { repository: renderRepository, flea: renderFlea } as const;

/** The components with `release: true`. */
export function releasedComponents(values: Pick<Values, 'repository' | 'flea'>): ComponentName[] {
  return (['repository', 'flea'] as const).filter((name) => values[name]?.release === true);
}

/**
 * The objects of a release in the order in which they are applied: Services, Deployments, then what refers to them. The
 * same values and context give the same objects.
 */
export function renderRelease(
  values: Values,
  where: Pick<RenderContext, 'release' | 'namespace' | 'restartedAt'>,
): KubeObject[] {
  const context: RenderContext = { ...where, ...overridesOf(values) };
  const rendered = releasedComponents(values).map((name) => RENDERERS[name](values, context));
  const objects: object[] = [
    ...rendered.map(({ service }) => service),
    ...rendered.map(({ deployment }) => deployment),
    ...rendered.flatMap(({ more }) => more),
  ];
  return objects.map((object): object => plain(object)).filter(isKubeObject);
}

/** The values' part of the names of objects. */
export function overridesOf({ nameOverride, fullnameOverride }: Values): Omit<Naming, 'release'> {
  return { nameOverride, fullnameOverride };
}

function isKubeObject(object: object): object is KubeObject {
  return 'apiVersion' in object && 'metadata' in object;
}

function renderRepository(values: Values, context: RenderContext): Rendered {
  const deployment = plain(values.repository?.deployment ?? {});
  return renderComponent(COMPONENTS.repository, values.repository ?? {}, repositoryEnv(deployment), context);
}

function renderFlea(values: Values, context: RenderContext): Rendered {
  const deployment = plain(values.flea?.deployment ?? {});
  const { uri } = modelsUriOf(deployment, values.repository, context);
  return renderComponent(COMPONENTS.flea, values.flea ?? {}, fleaEnv(deployment, uri), context);
}

function renderComponent(
  component: Component,
  values: RepositoryValues | FleaValues,
  env: readonly V1EnvVar[],
  context: RenderContext,
): Rendered {
  const service = plain(values.service ?? {});
  return {
    service: buildService(component, service, context),
    deployment: buildDeployment(component, plain(values.deployment ?? {}), env, context),
    more: [...buildPolicies(component, values, context), ...buildRoutes(component, service, context)],
  };
}

/** The autoscaler, the disruption budget and the network policy of a component, where the values have them. */
function buildPolicies(
  component: Component,
  { autoscaling, podDisruptionBudget, networkPolicy }: RepositoryValues | FleaValues,
  context: RenderContext,
): KubeObject[] {
  const name = deploymentName(context.release, component.name);
  const metadata = { name, namespace: context.namespace, labels: labelsOf(component, context) };
  const selector = { matchLabels: selectorOf(component, context) };
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
  const policies = [
    ['autoscaling/v2', 'HorizontalPodAutoscaler', autoscaling, { scaleTargetRef }],
    ['policy/v1', 'PodDisruptionBudget', podDisruptionBudget, { selector }],
    ['networking.k8s.io/v1', 'NetworkPolicy', networkPolicy, { podSelector: selector }],
  ] as const;
  return policies.flatMap(([apiVersion, kind, spec, target]) =>
    spec === undefined ? [] : [{ apiVersion, kind, metadata, spec: { ...spec, ...target } }],
  );
}
