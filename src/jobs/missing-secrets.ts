import type { Secrets } from '../cluster/port.ts';
import { PreflightError } from '../errors.ts';
import type { RequiredKey, RequiredSecret } from './required-secrets.ts';

/** A Secret, or keys of one, that must be made before the pods can start. Names only. */
export interface MissingSecret {
  readonly namespace: string;
  readonly secret: string;
  /** `false`: the Secret is there, without these keys. */
  readonly absent: boolean;
  readonly keys: readonly RequiredKey[];
  /** Ready to paste, with `./KEY` for the file that holds the value. */
  readonly command: string;
}

/** What of `required` is not in the cluster; asks for all Secrets at once. Throws what the cluster's port throws. */
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
  // `create` refuses a Secret that is there; server-side apply adds the keys and leaves the others alone.
  return absent ? create : `${create} --dry-run=client -o yaml | kubectl apply --server-side -f -`;
}

/** A word that a POSIX shell takes literally. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** One sentence for everything that is missing. */
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

/** Throws PreflightError (424) naming all that is missing, each with the command that makes it. */
export async function assertSecrets(
  cluster: Secrets,
  required: readonly RequiredSecret[],
  signal?: AbortSignal,
): Promise<void> {
  const missing = await missingSecrets(cluster, required, signal);
  if (missing.length > 0) throw new PreflightError(`${missingSentence(missing)}.`, { details: { missing } });
}
