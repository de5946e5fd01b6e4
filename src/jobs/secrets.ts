import type { V1PodSpec } from '@kubernetes/client-node';
import type { Secrets } from '../cluster/port.ts';
import { PreflightError } from '../errors.ts';

/** A required Secret with its required keys. Without keys only the Secret itself is required. */
export interface RequiredSecret {
  readonly namespace: string;
  readonly name: string;
  readonly keys: readonly RequiredKey[];
}

export interface RequiredKey {
  readonly key: string;
  /** The purpose of the key, from the values' `checkSecrets`. */
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
 * Every Secret and key that pods of `specs` need to start, and those of `checkSecrets`, each once. References marked
 * `optional` are not required. Entries of `checkSecrets` without a namespace are in `namespace`.
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

/** A Secret, or keys of one, that must be created before the pods can start. Names only. */
export interface MissingSecret {
  readonly namespace: string;
  readonly secret: string;
  /** `false`: the Secret exists without these keys. */
  readonly absent: boolean;
  readonly keys: readonly RequiredKey[];
  /** Ready to paste, with `./KEY` for the file that holds the value. */
  readonly command: string;
}

/** The entries of `required` that the cluster does not have. Reads all Secrets at once. Throws what the cluster's port throws. */
export async function missingSecrets(
  cluster: Secrets,
  required: readonly RequiredSecret[],
  signal?: AbortSignal,
): Promise<MissingSecret[]> {
  const found = await Promise.all(required.map((secret) => missingOf(cluster, secret, signal)));
  return found.filter((entry) => entry !== null);
}

async function missingOf(
  cluster: Secrets,
  secret: RequiredSecret,
  signal?: AbortSignal,
): Promise<MissingSecret | null> {
  const present = await cluster.secretKeys(secret.namespace, secret.name, signal === undefined ? {} : { signal });
  const keys = present === null ? secret.keys : secret.keys.filter(({ key }) => !present.includes(key));
  if (present !== null && keys.length === 0) return null;
  const absent = present === null;
  return {
    namespace: secret.namespace,
    secret: secret.name,
    absent,
    keys,
    command: createCommand(secret, keys, absent),
  };
}

function createCommand(secret: RequiredSecret, keys: readonly RequiredKey[], absent: boolean): string {
  const from = keys.map(({ key }) => ` ${shellWord(`--from-file=${key}=./${key}`)}`).join('');
  const create = `kubectl create secret generic ${secret.name} --namespace ${secret.namespace}${from}`;
  // `create` refuses an existing Secret; server-side apply adds the keys and keeps the others.
  return absent ? create : `${create} --dry-run=client -o yaml | kubectl apply --server-side -f -`;
}

/** `text` quoted for a POSIX shell. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Everything that is missing, in one sentence. */
export function missingSentence(missing: readonly MissingSecret[]): string {
  return missing.map(phraseOf).join('; ');
}

function phraseOf({ namespace, secret, absent, keys }: MissingSecret): string {
  const names = keys.map(({ key, displayName }) =>
    displayName === undefined ? `"${key}"` : `"${key}" (${displayName})`,
  );
  const list = names.join(', ');
  if (!absent) return `Secret ${namespace}/${secret} has no key ${list}`;
  return names.length === 0
    ? `Secret ${namespace}/${secret} does not exist`
    : `Secret ${namespace}/${secret} does not exist (needs ${list})`;
}

/** Throws PreflightError (424) that names everything missing, each with the command that creates it. */
export async function assertSecrets(
  cluster: Secrets,
  required: readonly RequiredSecret[],
  signal?: AbortSignal,
): Promise<void> {
  const missing = await missingSecrets(cluster, required, signal);
  if (missing.length > 0) throw new PreflightError(`${missingSentence(missing)}.`, { details: { missing } });
}
