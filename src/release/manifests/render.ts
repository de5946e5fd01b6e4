import type { KubeObject } from '../../cluster/release-port.ts';
import type { Values } from '../../values/parse-values.ts';
import type { FleaValues, RepositoryValues } from '../../values/service-schema.ts';
import { deploymentName, labelsOf, selectorOf } from '../names.ts';
import type { ComponentName, Naming } from '../names.ts';
import { COMPONENTS, plain } from './component.ts';
import type { Component, RenderContext } from './component.ts';
import { buildDeployment, modelsUriOf } from './deployment.ts';
import { buildRoutes, buildService } from './service.ts';

/** Must change when the same values render to other objects. */
export const RENDERER_VERSION = '3';

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
  const components = releasedComponents(values).map((name) => ({
    component: COMPONENTS[name],
    given: values[name] ?? {},
    service: plain(values[name]?.service ?? {}),
    deployment: plain(values[name]?.deployment ?? {}),
  }));
  const modelsUri = modelsUriOf(plain(values.flea?.deployment ?? {}), values.repository, context).uri;
  const objects: object[] = [
    ...components.map(({ component, service }) => buildService(component, service, context)),
    ...components.map(({ component, deployment }) =>
      buildDeployment(component, deployment, component.name === 'flea' ? modelsUri : undefined, context),
    ),
    ...components.flatMap(({ component, given, service }) => [
      ...buildPolicies(component, given, context),
      ...buildRoutes(component, service, context),
    ]),
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
