import { fieldValue } from './downward.ts';
import type { PodPlace } from './downward.ts';
import { expand } from './expand.ts';
import type { Data, Sources } from './sources.ts';
import type { Container, Pod } from './types.ts';

/** The container cannot be configured: waiting CreateContainerConfigError, with this message. */
export class ContainerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ContainerConfigError';
  }
}

interface Context extends PodPlace {
  readonly pod: Pod;
  readonly sources: Sources;
}

type EnvVar = NonNullable<Container['env']>[number];
type EnvFrom = NonNullable<Container['envFrom']>[number];

/** The kubelet's messages for a missing object, with the kind as each of them spells it. */
const KINDS = {
  secret: { absent: 'secret', holder: 'Secret' },
  configMap: { absent: 'configmap', holder: 'ConfigMap' },
} as const;

/**
 * The container's own environment: `envFrom`, then `env` over it. `$(NAME)` refers to earlier variables of `env`, as in the kubelet.
 * @throws ContainerConfigError with the kubelet's words when a Secret, a ConfigMap or a key is missing
 */
export async function resolveEnv(context: Context, container: Container): Promise<ReadonlyMap<string, string>> {
  const resolved = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    for (const [name, value] of await loadAll(context, source)) resolved.set(name, value);
  }
  const defined = new Map<string, string>();
  for (const variable of container.env ?? []) {
    const value = await valueOf(context, variable, defined);
    if (value === null) continue;
    defined.set(variable.name, value);
    resolved.set(variable.name, value);
  }
  return resolved;
}

async function loadAll(context: Context, source: EnvFrom): Promise<[string, string][]> {
  const kind = source.secretRef === undefined ? 'configMap' : 'secret';
  const reference = source.secretRef ?? source.configMapRef;
  if (reference === undefined) return [];
  const data = await load(context, kind, reference.name ?? '', reference.optional ?? false);
  return [...(data ?? [])].map(([key, value]) => [`${source.prefix ?? ''}${key}`, value.toString('utf8')]);
}

async function load(
  { pod, sources }: Context,
  kind: keyof typeof KINDS,
  name: string,
  optional: boolean,
): Promise<Data | null> {
  const data = await sources[kind](pod.metadata.namespace, name);
  if (data === null && !optional) throw new ContainerConfigError(`${KINDS[kind].absent} "${name}" not found`);
  return data;
}

/** Returns `null` for an optional reference to a missing object; the variable is then omitted. */
async function valueOf(
  context: Context,
  variable: EnvVar,
  defined: ReadonlyMap<string, string>,
): Promise<string | null> {
  const { valueFrom } = variable;
  if (valueFrom === undefined) return expand(variable.value ?? '', defined);
  if (valueFrom.secretKeyRef !== undefined) return fromKey(context, 'secret', valueFrom.secretKeyRef);
  if (valueFrom.configMapKeyRef !== undefined) return fromKey(context, 'configMap', valueFrom.configMapKeyRef);
  const { fieldRef } = valueFrom;
  const value = fieldRef === undefined ? null : fieldValue(context.pod, fieldRef.fieldPath, context);
  if (value !== null) return value;
  const source = fieldRef === undefined ? Object.keys(valueFrom).join(', ') : `fieldRef ${fieldRef.fieldPath}`;
  throw new ContainerConfigError(`env "${variable.name}": ${source} is not supported by a node of local processes`);
}

async function fromKey(
  context: Context,
  kind: keyof typeof KINDS,
  { name = '', key, optional = false }: { name?: string; key: string; optional?: boolean },
): Promise<string | null> {
  const data = await load(context, kind, name, optional);
  const value = data?.get(key);
  if (value !== undefined) return value.toString('utf8');
  if (optional) return null;
  throw new ContainerConfigError(
    `couldn't find key ${key} in ${KINDS[kind].holder} ${context.pod.metadata.namespace}/${name}`,
  );
}
