import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fieldValue } from './downward.ts';
import type { PodPlace } from './downward.ts';
import type { Data, Sources } from './sources.ts';
import type { Pod, Volume } from './types.ts';

interface Context extends PodPlace {
  readonly pod: Pod;
  readonly sources: Sources;
}

interface VolumeFile {
  readonly path: string;
  readonly data: Buffer;
  readonly mode: number;
}

type Items = readonly { readonly key: string; readonly path: string; readonly mode?: number }[];
type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;

const DEFAULT_MODE = 0o644;
const WORDS = { secret: 'secret', configMap: 'configmap' } as const;
const KEY_WORDS = { secret: 'secret', configMap: 'config' } as const;

interface DataSource {
  readonly kind: 'secret' | 'configMap';
  readonly name: string;
  readonly items?: Items;
  readonly optional?: boolean;
  readonly mode: number;
}

/**
 * Writes the pod's volumes as folders `<volumesDir>/<name>`. Files are written once, when the pod starts: a Secret changed later does not reach
 * a running pod.
 * @throws the first failure, its message as in the kubelet's FailedMount event
 */
export async function setUpVolumes(context: Context, volumesDir: string): Promise<void> {
  for (const volume of context.pod.spec.volumes ?? []) {
    try {
      await writeFiles(join(volumesDir, volume.name), await filesOf(context, volume));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`MountVolume.SetUp failed for volume "${volume.name}" : ${message}`, { cause: error });
    }
  }
}

async function writeFiles(folder: string, files: readonly VolumeFile[]): Promise<void> {
  // A failed attempt may have left read-only files.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const { path, data, mode } of files) {
    if (path.startsWith('/') || path.split('/').includes('..')) throw new Error(`path "${path}" leaves the volume`);
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, data, { mode });
  }
}

/** The files of a volume; none for an emptyDir. */
async function filesOf(context: Context, volume: Volume): Promise<VolumeFile[]> {
  const { secret, configMap, projected, downwardAPI, emptyDir } = volume;
  if (emptyDir !== undefined) return [];
  if (secret !== undefined) {
    return fromData(context, {
      ...secret,
      kind: 'secret',
      name: secret.secretName ?? '',
      mode: secret.defaultMode ?? DEFAULT_MODE,
    });
  }
  if (configMap !== undefined) {
    return fromData(context, {
      ...configMap,
      kind: 'configMap',
      name: configMap.name ?? '',
      mode: configMap.defaultMode ?? DEFAULT_MODE,
    });
  }
  if (downwardAPI !== undefined)
    return fromFields(context, downwardAPI.items ?? [], downwardAPI.defaultMode ?? DEFAULT_MODE);
  if (projected !== undefined) {
    const mode = projected.defaultMode ?? DEFAULT_MODE;
    return (await Promise.all((projected.sources ?? []).map((source) => fromProjection(context, source, mode)))).flat();
  }
  const type = Object.keys(volume)
    .filter((key) => key !== 'name')
    .join(', ');
  throw new Error(`volumes of type ${type} are not supported by a node of local processes`);
}

async function fromData({ pod, sources }: Context, source: DataSource): Promise<VolumeFile[]> {
  const data = await sources[source.kind](pod.metadata.namespace, source.name);
  if (data !== null) return pick(data, source);
  if (source.optional) return [];
  throw new Error(`${WORDS[source.kind]} "${source.name}" not found`);
}

function pick(data: Data, { kind, items, optional = false, mode }: DataSource): VolumeFile[] {
  if (items === undefined) return [...data].map(([key, value]) => ({ path: key, data: value, mode }));
  return items.flatMap((item) => {
    const value = data.get(item.key);
    if (value !== undefined) return [{ path: item.path, data: value, mode: item.mode ?? mode }];
    if (optional) return [];
    throw new Error(`references non-existent ${KEY_WORDS[kind]} key: ${item.key}`);
  });
}

function fromFields(context: Context, items: DownwardItems, mode: number): VolumeFile[] {
  return items.map((item) => {
    const value = item.fieldRef === undefined ? null : fieldValue(context.pod, item.fieldRef.fieldPath, context);
    if (value === null)
      throw new Error(`downward API item "${item.path}" is not supported by a node of local processes`);
    return { path: item.path, data: Buffer.from(value), mode: item.mode ?? mode };
  });
}

async function fromProjection(context: Context, source: Projection, mode: number): Promise<VolumeFile[]> {
  const { secret, configMap, downwardAPI, serviceAccountToken } = source;
  if (secret !== undefined) return fromData(context, { ...secret, kind: 'secret', name: secret.name ?? '', mode });
  if (configMap !== undefined)
    return fromData(context, { ...configMap, kind: 'configMap', name: configMap.name ?? '', mode });
  if (downwardAPI !== undefined) return fromFields(context, downwardAPI.items ?? [], mode);
  if (serviceAccountToken !== undefined) return fromToken(context, serviceAccountToken, mode);
  throw new Error(`projected source ${Object.keys(source).join(', ')} is not supported by a node of local processes`);
}

async function fromToken(
  { pod, sources }: Context,
  token: NonNullable<Projection['serviceAccountToken']>,
  mode: number,
): Promise<VolumeFile[]> {
  const { name, namespace, uid } = pod.metadata;
  const request = {
    ...(token.audience !== undefined && { audiences: [token.audience] }),
    expirationSeconds: token.expirationSeconds ?? 3600,
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
  };
  const value = await sources.serviceAccountToken(namespace, pod.spec.serviceAccountName ?? 'default', request);
  return [{ path: token.path, data: Buffer.from(value), mode }];
}
