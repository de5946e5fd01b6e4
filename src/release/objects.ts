import type {
  V1DeploymentSpec,
  V1DeploymentStatus,
  V1PodSpec,
  V1ReplicaSetStatus,
  V1ServiceSpec,
  V1ServiceStatus,
} from '@kubernetes/client-node';
import type { KubeObject } from '../cluster/release-port.ts';

/** Objects of the kinds that releases wait for, with the parts that are looked at. */
export interface DeploymentObject extends KubeObject {
  readonly spec: V1DeploymentSpec;
  readonly status?: V1DeploymentStatus;
}
export interface ReplicaSetObject extends KubeObject {
  readonly status?: V1ReplicaSetStatus;
}
export interface ServiceObject extends KubeObject {
  readonly spec: V1ServiceSpec;
  readonly status?: V1ServiceStatus;
}
export interface EndpointSliceObject extends KubeObject {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

export function isDeployment(object: KubeObject): object is DeploymentObject {
  return object.kind === 'Deployment' && hasSpec(object);
}

function hasSpec(object: KubeObject): boolean {
  return typeof object['spec'] === 'object' && object['spec'] !== null;
}

export function isReplicaSet(object: KubeObject): object is ReplicaSetObject {
  return object.kind === 'ReplicaSet';
}

export function isService(object: KubeObject): object is ServiceObject {
  return object.kind === 'Service' && hasSpec(object);
}

export function isEndpointSlice(object: KubeObject): object is EndpointSliceObject {
  return object.kind === 'EndpointSlice';
}

/** A label selector of equalities. */
export function selectorText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** The Deployment whose pods a Service sends to. */
export function deploymentOf(service: ServiceObject, objects: readonly KubeObject[]): DeploymentObject | undefined {
  return objects.filter(isDeployment).find((deployment) => {
    const labels = deployment.spec.template.metadata?.labels ?? {};
    const wanted = Object.entries(service.spec.selector ?? {});
    return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
  });
}

/** The pod spec of an object that has a template of pods: a Deployment. */
export function podSpecsOf(object: KubeObject): V1PodSpec[] {
  const pod = isDeployment(object) ? object.spec.template?.spec : undefined;
  return pod === undefined ? [] : [pod];
}
