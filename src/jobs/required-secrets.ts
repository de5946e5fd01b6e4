import type { V1PodSpec } from '@kubernetes/client-node';

/** A Secret that must be there, with the keys that are needed of it (none: the Secret itself). */
export interface RequiredSecret {
  readonly namespace: string;
  readonly name: string;
  readonly keys: readonly RequiredKey[];
}

export interface RequiredKey {
  readonly key: string;
  /** What the key is for, in the words of the values' `checkSecrets`. */
  readonly displayName?: string;
}

/** An entry of the values' `checkSecrets`. */
export interface CheckSecret {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly keys: readonly { readonly key: string; readonly displayName?: string | undefined }[];
}

interface Need {
  readonly namespace: string;
  readonly name: string;
  readonly key?: string;
  readonly displayName?: string | undefined;
}

/**
 * Every Secret and key that pods made from `specs` need to start, and those of `checkSecrets`, each once.
 * What a manifest marks `optional` is not required; entries of `checkSecrets` without a namespace mean `namespace`.
 */
export function requiredSecrets(
  namespace: string,
  specs: readonly V1PodSpec[],
  checkSecrets: readonly CheckSecret[] = [],
): RequiredSecret[] {
  return gather([...specs.flatMap((spec) => needsOfPod(namespace, spec)), ...needsOfChecks(namespace, checkSecrets)]);
}

function gather(needs: readonly Need[]): RequiredSecret[] {
  const secrets = new Map<string, Map<string, RequiredKey>>();
  for (const need of needs) {
    const id = `${need.namespace}/${need.name}`;
    const keys = secrets.get(id) ?? new Map<string, RequiredKey>();
    secrets.set(id, keys);
    if (need.key === undefined) continue;
    const displayName = need.displayName ?? keys.get(need.key)?.displayName;
    keys.set(need.key, { key: need.key, ...(displayName !== undefined && { displayName }) });
  }
  return [...secrets].map(([id, keys]) => {
    const slash = id.indexOf('/');
    return { namespace: id.slice(0, slash), name: id.slice(slash + 1), keys: [...keys.values()] };
  });
}

function needsOfPod(namespace: string, spec: V1PodSpec): Need[] {
  return [
    ...needsOfContainers(namespace, spec),
    ...needsOfVolumes(namespace, spec),
    ...(spec.imagePullSecrets ?? []).flatMap((ref): Need[] =>
      ref.name === undefined ? [] : [{ namespace, name: ref.name }],
    ),
  ];
}

function needsOfContainers(namespace: string, spec: V1PodSpec): Need[] {
  return [...(spec.initContainers ?? []), ...spec.containers].flatMap((container) => [
    ...(container.env ?? []).flatMap((variable): Need[] => {
      const ref = variable.valueFrom?.secretKeyRef;
      return ref?.name === undefined || ref.optional === true ? [] : [{ namespace, name: ref.name, key: ref.key }];
    }),
    ...(container.envFrom ?? []).flatMap((source): Need[] => {
      const ref = source.secretRef;
      return ref?.name === undefined || ref.optional === true ? [] : [{ namespace, name: ref.name }];
    }),
  ]);
}

function needsOfVolumes(namespace: string, spec: V1PodSpec): Need[] {
  return (spec.volumes ?? []).flatMap((volume): Need[] => {
    const secret = volume.secret;
    if (secret?.secretName === undefined || secret.optional === true) return [];
    const name = secret.secretName;
    const items = secret.items ?? [];
    return items.length === 0 ? [{ namespace, name }] : items.map((item) => ({ namespace, name, key: item.key }));
  });
}

function needsOfChecks(namespace: string, checks: readonly CheckSecret[]): Need[] {
  return checks.flatMap((check): Need[] => {
    const at = { namespace: check.namespace ?? namespace, name: check.name };
    return check.keys.length === 0 ? [at] : check.keys.map(({ key, displayName }) => ({ ...at, key, displayName }));
  });
}
