import type { V1Deployment, V1Service } from '@kubernetes/client-node';
import type { KubeObject } from '../../cluster/release-port.ts';
import type { Values } from '../../values/parse-values.ts';
import type { ComponentName } from '../names.ts';
import { COMPONENTS, plain } from './component.ts';
import type { RenderContext } from './component.ts';
import { buildDeployment, fleaEnv, modelsUriOf, repositoryEnv } from './deployment.ts';
import { buildRoutes, buildService } from './service.ts';

/** Must change when the same values render to other objects. */
export const RENDERER_VERSION = '2';

interface Rendered {
  readonly service: V1Service;
  readonly deployment: V1Deployment;
  readonly routes: readonly KubeObject[];
}

const RENDERERS = { repository: renderRepository, flea: renderFlea } as const;

/** The components with `release: true`. */
export function releasedComponents(values: Pick<Values, 'repository' | 'flea'>): ComponentName[] {
  return (['repository', 'flea'] as const).filter((name) => values[name]?.release === true);
}

/**
 * The objects of a release in the order in which they are applied: Services, Deployments, routes. The same values and
 * context give the same objects.
 */
export function renderRelease(values: Values, context: RenderContext): KubeObject[] {
  const rendered = releasedComponents(values).map((name) => RENDERERS[name](values, context));
  const objects: object[] = [
    ...rendered.map(({ service }) => service),
    ...rendered.map(({ deployment }) => deployment),
    ...rendered.flatMap(({ routes }) => routes),
  ];
  return objects.map((object): object => plain(object)).filter(isKubeObject);
}

function isKubeObject(object: object): object is KubeObject {
  return 'apiVersion' in object && 'metadata' in object;
}

function renderRepository(values: Values, context: RenderContext): Rendered {
  const deployment = plain(values.repository?.deployment ?? {});
  const service = plain(values.repository?.service ?? {});
  const component = COMPONENTS.repository;
  return {
    service: buildService(component, service, context),
    deployment: buildDeployment(component, deployment, repositoryEnv(deployment), context),
    routes: buildRoutes(component, service, context),
  };
}

function renderFlea(values: Values, context: RenderContext): Rendered {
  const deployment = plain(values.flea?.deployment ?? {});
  const service = plain(values.flea?.service ?? {});
  const component = COMPONENTS.flea;
  const { uri } = modelsUriOf(deployment, values.repository, context);
  return {
    service: buildService(component, service, context),
    deployment: buildDeployment(component, deployment, fleaEnv(deployment, uri), context),
    routes: buildRoutes(component, service, context),
  };
}
