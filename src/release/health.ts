import type { KubeObject, Probe } from '../cluster/release-port.ts';
import { AppError } from '../errors.ts';
import { COMPONENTS } from './manifests/component.ts';
import { deploymentName } from './names.ts';
import { deploymentOf, isService } from './readiness.ts';
import type { ReleaseDeps, Site } from './request.ts';

/** Tries after a rollout. */
export const HEALTH_TRIES = 5;
const PAUSE_MS = 1_000;

/** The health of a service. `unverified`: it could not be reached through the API server. */
export interface Health {
  readonly service: string;
  readonly status: 'SERVING' | 'NOT_SERVING' | 'unverified' | 'no-pods';
  readonly message?: string;
}

interface Target {
  readonly service: string;
  readonly path: string;
  readonly replicas: number;
}

/** Number of tries, and a function that is called before each. */
export interface HealthOptions {
  readonly tries: number;
  readonly between: () => Promise<void>;
}

const ONCE: HealthOptions = { tries: 1, between: async () => undefined };

/** `isFinal`: a retry would have the same result. */
type Asked = Probe & { readonly isFinal?: boolean };

/** Reads the health path of every service of the release through the API server's service proxy. */
export async function checkHealth(
  deps: ReleaseDeps,
  site: Site,
  objects: readonly KubeObject[],
  options: HealthOptions = ONCE,
): Promise<Health[]> {
  const health: Health[] = [];
  for (const target of targetsOf(objects, site.release)) health.push(await healthOf(deps, site, target, options));
  return health;
}

function targetsOf(objects: readonly KubeObject[], release: string): Target[] {
  return objects.filter(isService).flatMap((service) => {
    const instance = service.spec.selector?.['app.kubernetes.io/instance'];
    const component = Object.values(COMPONENTS).find(({ name }) => deploymentName(release, name) === instance);
    if (component === undefined) return [];
    const replicas = deploymentOf(service, objects)?.spec.replicas ?? 1;
    return [{ service: service.metadata.name, path: component.healthPath, replicas }];
  });
}

// The proxy sees a new Service's endpoints with a delay, so that 404 can be transient.
async function healthOf(deps: ReleaseDeps, site: Site, target: Target, options: HealthOptions): Promise<Health> {
  if (target.replicas === 0) return { service: target.service, status: 'no-pods' };
  for (let attempt = 1; ; attempt += 1) {
    await options.between();
    const answer = await probe(deps, site, target);
    const health = judge(target, answer);
    if (health.status === 'SERVING' || answer.isFinal === true || attempt >= options.tries) return health;
    await deps.launch.wait(PAUSE_MS, site.signal);
  }
}

async function probe(deps: ReleaseDeps, site: Site, { service, path }: Target): Promise<Asked> {
  try {
    return await deps.cluster.probeService(site.namespace, service, 'rest', path, { signal: site.signal });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: 'unreachable', message: error.message, isFinal: true };
  }
}

function judge({ service, path }: Target, answer: Probe): Health {
  if (answer.kind === 'unreachable') {
    return { service, status: 'unverified', message: `not reached through the API server: ${answer.message}` };
  }
  if (answer.status === 200 && isServing(answer.body)) return { service, status: 'SERVING' };
  const message = `${path} answered ${answer.status}: ${answer.body.slice(0, 200).trim()}`;
  return { service, status: 'NOT_SERVING', message };
}

function isServing(body: string): boolean {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === 'object' && json !== null && 'status' in json && json.status === 'SERVING';
  } catch {
    return false;
  }
}

export function healthWarnings(health: readonly Health[]): string[] {
  return health.flatMap(({ service, status, message }) =>
    status === 'unverified' ? [`The health of Service ${service} is not verified: ${message ?? ''}`] : [],
  );
}
