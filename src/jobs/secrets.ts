import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node';
import type { Secrets } from '../cluster/port.ts';
import { PreflightError } from '../errors.ts';

/** A required Secret with its required keys. Without keys only the Secret itself is required. */
export interface RequiredSecret {
  readonly namespace: string;
  readonly name: string;
  readonly keys: readonly RequiredKey[];
}

interface RequiredKey {
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

/**
 * Every Secret and key that pods of `specs` need to start, and those of `checkSecrets`, each once. References marked
 * `optional` are not required. Entries of `checkSecrets` without a namespace are in `namespace`.
 */
export function requiredSecrets(
  namespace: string,
  specs: readonly V1PodSpec[],
  checkSecrets: readonly CheckSecret[] = [],
): RequiredSecret[] {
  const secrets = new Map<string, { namespace: string; name: string; keys: Map<string, RequiredKey> }>();
  for (const need of [...specs.flatMap(needsOfPod), ...checkSecrets]) {
    const at = { namespace: ('namespace' in need ? need.namespace : undefined) ?? namespace, name: need.name };
    const id = `${at.namespace}/${at.name}`;
    const { keys } = secrets.get(id) ?? { keys: new Map<string, RequiredKey>() };
    secrets.set(id, { ...at, keys });
    for (const { key, displayName = keys.get(key)?.displayName } of need.keys)
      keys.set(key, { key, ...(displayName !== undefined && { displayName }) });
  }
  return [...secrets.values()].map(({ keys, ...at }) => ({ ...at, keys: [...keys.values()] }));
}

function needsOfPod(spec: V1PodSpec): CheckSecret[] {
  return [
    ...[...(spec.initContainers ?? []), ...spec.containers].flatMap(needsOfContainer),
    ...(spec.volumes ?? []).flatMap(needsOfVolume),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }) => (name === undefined ? [] : [{ name, keys: [] }])),
  ];
}

function needsOfContainer({ env = [], envFrom = [] }: V1Container): CheckSecret[] {
  return [
    ...env.flatMap(({ valueFrom }) => {
      const ref = valueFrom?.secretKeyRef;
      return ref?.name === undefined || ref.optional === true ? [] : [{ name: ref.name, keys: [{ key: ref.key }] }];
    }),
    ...envFrom.flatMap(({ secretRef }) =>
      secretRef?.name === undefined || secretRef.optional === true ? [] : [{ name: secretRef.name, keys: [] }],
    ),
  ];
}

function needsOfVolume({ secret }: V1Volume): CheckSecret[] {
  if (secret?.secretName === undefined || secret.optional === true) return [];
  return [{ name: secret.secretName, keys: (secret.items ?? []).map(({ key }) => ({ key })) }];
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

/** Throws PreflightError (424) that names everything missing, each with the command that creates it. */
export async function assertSecrets(
  cluster: Secrets,
  required: readonly RequiredSecret[],
  signal?: AbortSignal,
): Promise<void> {
  const missing = await missingSecrets(cluster, required, signal);
  if (missing.length > 0) throw new PreflightError(`${missingSentence(missing)}.`, { details: { missing } });
}

/** The entries of `required` that the cluster does not have. Reads all Secrets at once. Throws what the cluster's port throws. */
export async function missingSecrets(
  cluster: Secrets,
  required: readonly RequiredSecret[],
  signal?: AbortSignal,
): Promise<MissingSecret[]> {
  const found = await Promise.all(
    required.map(async (secret) => {
      const present = await cluster.secretKeys(secret.namespace, secret.name, { signal });
      const keys = present === null ? secret.keys : secret.keys.filter(({ key }) => !present.includes(key));
      return present !== null && keys.length === 0 ? [] : [missingSecret(secret, keys, present === null)];
    }),
  );
  return found.flat();
}

function missingSecret(
  { namespace, name: secret }: RequiredSecret,
  keys: readonly RequiredKey[],
  absent: boolean,
): MissingSecret {
  const from = keys.map(({ key }) => ` ${shellWord(`--from-file=${key}=./${key}`)}`).join('');
  const create = `kubectl create secret generic ${secret} --namespace ${namespace}${from}`;
  // `create` refuses an existing Secret; server-side apply adds the keys and keeps the others.
  const command = absent ? create : `${create} --dry-run=client -o yaml | kubectl apply --server-side -f -`;
  return { namespace, secret, absent, keys, command };
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
  const list = keys
    .map(({ key, displayName }) => (displayName === undefined ? `"${key}"` : `"${key}" (${displayName})`))
    .join(', ');
  if (!absent) return `Secret ${namespace}/${secret} has no key ${list}`;
  return `Secret ${namespace}/${secret} does not exist${list === '' ? '' : ` (needs ${list})`}`;
}
