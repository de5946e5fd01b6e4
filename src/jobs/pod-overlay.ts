import type { V1PodSpec } from '@kubernetes/client-node';
import type { PodOverlay } from '../values/pod-fields.ts';
import { getOwn, isJsonObject } from '../values/json.ts';
import type { JsonObject, JsonValue } from '../values/json.ts';

/**
 * The lists of a pod whose entries are merged, by the field that identifies an entry; every other list is replaced.
 * They are the `patchMergeKey` tags of PodSpec and Container:
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
 */
type MergeKeys = Readonly<Record<string, string>>;

const MERGE_KEYS: MergeKeys = {
  containers: 'name',
  env: 'name',
  ephemeralContainers: 'name',
  hostAliases: 'ip',
  imagePullSecrets: 'name',
  initContainers: 'name',
  ports: 'containerPort',
  resourceClaims: 'name',
  schedulingGates: 'name',
  topologySpreadConstraints: 'topologyKey',
  volumeDevices: 'devicePath',
  volumeMounts: 'mountPath',
  volumes: 'name',
};

/**
 * `pod` with `overlay` merged into it as a strategic merge patch does: objects are merged, lists of the table above entry
 * by entry, everything else is replaced. `$patch: delete` removes the entry or object that carries it, `$patch: replace`
 * replaces it. New entries of a list come after the existing ones (Kubernetes puts them first): the first container stays
 * the one that `kubectl logs` shows.
 * https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
export function mergePodSpec(pod: V1PodSpec, overlay: PodOverlay): V1PodSpec {
  return mergeSpec(pod, overlay, MERGE_KEYS);
}

/** `spec` with `overlay` merged into it. Lists are merged by the fields in `mergeKeys`. */
export function mergeSpec<T>(spec: T, overlay: PodOverlay, mergeKeys: MergeKeys): T {
  const [target, patch] = [JSON.parse(JSON.stringify(spec)), JSON.parse(JSON.stringify(overlay))];
  return JSON.parse(JSON.stringify(mergeObjects(target, patch, mergeKeys)));
}

function mergeObjects(target: JsonObject, patch: JsonObject, mergeKeys: MergeKeys): JsonObject {
  if (patch['$patch'] === 'delete') return {};
  const merged = new Map(patch['$patch'] === 'replace' ? [] : Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch') continue;
    if (value === null) merged.delete(key);
    else merged.set(key, mergeValues(key, merged.get(key), value, mergeKeys));
  }
  return Object.fromEntries(merged);
}

function mergeValues(field: string, target: JsonValue | undefined, patch: JsonValue, mergeKeys: MergeKeys): JsonValue {
  if (isJsonObject(patch)) return mergeObjects(isJsonObject(target) ? target : {}, patch, mergeKeys);
  const mergeKey = getOwn(mergeKeys, field);
  if (!Array.isArray(patch) || mergeKey === undefined) return patch;
  return mergeLists(mergeKey, Array.isArray(target) ? target : [], patch, mergeKeys);
}

function mergeLists(
  mergeKey: string,
  target: readonly JsonValue[],
  patch: readonly JsonValue[],
  mergeKeys: MergeKeys,
): JsonValue[] {
  const entries = patch.filter(isJsonObject);
  // A lone `$patch: replace` entry drops what was there.
  const isReplaced = entries.some((entry) => entry['$patch'] === 'replace' && entry[mergeKey] === undefined);
  const merged = isReplaced ? [] : [...target];
  for (const entry of entries) {
    const key = entry[mergeKey];
    if (key === undefined) {
      // The API server's dry run refuses an entry without its key.
      if (entry['$patch'] === undefined) merged.push(entry);
      continue;
    }
    const at = merged.findIndex((old) => isJsonObject(old) && old[mergeKey] === key);
    const old = merged[at];
    if (entry['$patch'] === 'delete') {
      if (at >= 0) merged.splice(at, 1);
    } else if (at < 0) merged.push(mergeObjects({}, entry, mergeKeys));
    else merged[at] = mergeObjects(isJsonObject(old) ? old : {}, entry, mergeKeys);
  }
  return merged;
}
