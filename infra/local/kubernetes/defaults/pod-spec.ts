import { ensureFields, fieldsAt, isFields, objectsAt, setDefault, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { roundToMilli } from '../schema/quantity.ts';
import { applyVolumeDefaults } from './volumes.ts';

/** Defaults of every pod spec, in a pod or in a template (pkg/apis/core/v1/defaults.go, SetDefaults_PodSpec and below). */
export function applyPodSpecDefaults(spec: Fields): void {
  setDefault(spec, 'dnsPolicy', 'ClusterFirst');
  setDefault(spec, 'restartPolicy', 'Always');
  setDefault(spec, 'securityContext', {});
  setDefault(spec, 'terminationGracePeriodSeconds', 30);
  setDefault(spec, 'schedulerName', 'default-scheduler');
  mirrorServiceAccount(spec);
  for (const volume of objectsAt(spec, 'volumes')) applyVolumeDefaults(volume);
  for (const container of containersOf(spec)) applyContainerDefaults(container);
}

/** The deprecated field has the value of the newer one, and sets it if only the deprecated one is given. */
function mirrorServiceAccount(spec: Fields): void {
  const name = stringAt(spec, 'serviceAccountName') || stringAt(spec, 'serviceAccount');
  if (name === '') return;
  spec['serviceAccountName'] = name;
  spec['serviceAccount'] = name;
}

function applyContainerDefaults(container: Fields): void {
  for (const amounts of ['limits', 'requests']) {
    const list = fieldsAt(container, 'resources', amounts);
    for (const [name, amount] of Object.entries(list))
      if (typeof amount === 'string') list[name] = roundToMilli(amount);
  }
  setDefault(container, 'imagePullPolicy', hasMovingTag(stringAt(container, 'image')) ? 'Always' : 'IfNotPresent');
  setDefault(container, 'terminationMessagePath', '/dev/termination-log');
  setDefault(container, 'terminationMessagePolicy', 'File');
  for (const port of objectsAt(container, 'ports')) setDefault(port, 'protocol', 'TCP');
  for (const variable of objectsAt(container, 'env')) {
    const fieldRef = fieldsAt(variable, 'valueFrom')['fieldRef'];
    if (isFields(fieldRef)) setDefault(fieldRef, 'apiVersion', 'v1');
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) applyProbeDefaults(container[probe]);
  for (const hook of ['postStart', 'preStop']) applyHttpGetDefaults(fieldsAt(container, 'lifecycle', hook)['httpGet']);
}

function applyProbeDefaults(probe: unknown): void {
  if (!isFields(probe)) return;
  setDefault(probe, 'timeoutSeconds', 1);
  setDefault(probe, 'periodSeconds', 10);
  setDefault(probe, 'successThreshold', 1);
  setDefault(probe, 'failureThreshold', 3);
  applyHttpGetDefaults(probe['httpGet']);
  if (isFields(probe['grpc'])) setDefault(probe['grpc'], 'service', '');
}

function applyHttpGetDefaults(action: unknown): void {
  if (!isFields(action)) return;
  setDefault(action, 'path', '/');
  setDefault(action, 'scheme', 'HTTP');
}

/** All containers of a pod spec, init containers first. */
export function containersOf(spec: Fields): readonly Fields[] {
  return [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')];
}

/** No tag means `latest`, unless there is a digest. */
export function hasMovingTag(image: string): boolean {
  const [reference = '', digest] = image.split('@');
  const tag = /:([^/:]+)$/.exec(reference)?.[1];
  if (tag !== undefined) return tag === 'latest';
  return digest === undefined;
}

/** Defaults of a pod that a template does not get (SetDefaults_Pod). */
export function applyPodDefaults(spec: Fields): void {
  setDefault(spec, 'enableServiceLinks', true);
  for (const container of containersOf(spec)) {
    const limits = fieldsAt(container, 'resources', 'limits');
    if (Object.keys(limits).length === 0) continue;
    const requests = ensureFields(container, 'resources', 'requests');
    for (const [name, quantity] of Object.entries(limits)) setDefault(requests, name, quantity);
  }
  if (spec['hostNetwork'] !== true) return;
  for (const container of containersOf(spec)) {
    for (const port of objectsAt(container, 'ports')) setDefault(port, 'hostPort', port['containerPort']);
  }
}
