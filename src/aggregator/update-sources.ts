import type { CheckpointFiles } from './checkpoint.ts';
import { Fault, quote, withinAsync } from './fault.ts';
import { createHeldBytes } from './held-bytes.ts';
import { baseName, joinPath } from './file-store.ts';
import type { FindStore } from './paths.ts';
import { dataFileName } from './tensor-bundle-reader.ts';
import { openZip } from './zip-reader.ts';

/** An update, its large parts not yet read. */
export interface UpdateFiles extends CheckpointFiles {
  /** What stands for its number of samples; null if nothing does. Throws Fault if that is no integer of 0 or more. */
  readonly weight: () => Promise<number | null>;
  /** Frees its memory; what was read of it is empty from now on. */
  readonly release: () => void;
}

/** Of one file, and of an update as a whole. */
const MAX_BYTES = 2 ** 31;
const MAX_TEXT_BYTES = 16 * 2 ** 20;

/** Reads one of the files beside each other; a fault names it. */
type ReadFile = (name: string, maxBytes: number) => Promise<Uint8Array>;

/**
 * Opens the update at `path`: a bundle if it ends in `.zip`, else a directory. Reads its index (of a bundle: all of it).
 * Throws what the store throws, or Fault.
 */
export function openUpdate(path: string, findStore: FindStore): Promise<UpdateFiles> {
  return path.endsWith('.zip') ? openBundle(path, findStore) : openDirectory(path, findStore);
}

async function openBundle(path: string, findStore: FindStore): Promise<UpdateFiles> {
  const store = await findStore(path);
  const { hold, release } = createHeldBytes();
  const zip = await openZip(hold(await store.read(path, MAX_BYTES)));
  const folder = baseName(path).slice(0, -'.zip'.length);
  if (!zip.names.some((name) => name.startsWith(`${folder}/`))) {
    throw new Fault(`it holds no folder ${quote(folder)}, named as it`);
  }
  const place = `${folder}/checkpoints/`;
  const names = zip.names.filter((name) => name.startsWith(place)).map((name) => name.slice(place.length));
  const read = naming(async (name, maxBytes) => hold(await zip.read(`${place}${name}`, maxBytes)));
  const result = parseResult(await naming(zip.read)(`${folder}/result.json`, MAX_TEXT_BYTES));
  async function weight(): Promise<number | null> {
    return result['numSamples'] === undefined ? null : parseWeight(result['numSamples'], 'numSamples of result.json');
  }
  return { ...(await checkpointFiles(read, findIndex(names, 'its folder checkpoints'))), weight, release };
}

function naming(read: ReadFile): ReadFile {
  return (name, maxBytes) => withinAsync(quote(name), () => read(name, maxBytes));
}

function parseResult(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let result: unknown;
  try {
    result = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Fault('result.json is not JSON', { cause: error });
  }
  if (typeof result !== 'object' || result === null || Array.isArray(result)) {
    throw new Fault('result.json is not a JSON object');
  }
  return { ...result };
}

function parseWeight(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Fault(`${what} is ${JSON.stringify(value)?.slice(0, 80)}, which is no integer of 0 or more`);
}

async function checkpointFiles(read: ReadFile, indexName: string): Promise<CheckpointFiles> {
  return {
    index: await read(indexName, MAX_BYTES),
    shard: (shard, shards) => read(dataFileName(indexName.slice(0, -'.index'.length), shard, shards), MAX_BYTES),
  };
}

/** The one `*.index` among `names`; the checkpoint that training started from (`initial` in its name) does not count. */
function findIndex(names: readonly string[], place: string): string {
  const found = names.filter((name) => name.endsWith('.index') && !name.includes('initial'));
  const [only] = found;
  if (only === undefined) throw new Fault(`${place} holds no checkpoint (no .index file)`);
  if (found.length > 1)
    throw new Fault(`${place} holds ${found.length} checkpoints: ${found.toSorted().slice(0, 5).join(', ')}`);
  return only;
}

async function openDirectory(directory: string, findStore: FindStore): Promise<UpdateFiles> {
  const store = await findStore(directory);
  const names = await store.list(directory);
  if (names.length === 0) throw new Fault('it does not exist, or is empty');
  const { hold, release } = createHeldBytes();
  const read = naming(async (name, maxBytes) => hold(await store.read(joinPath(directory, name), maxBytes)));
  async function weight(): Promise<number | null> {
    if (!names.includes('model.steps')) return null;
    const text = Buffer.from(await read('model.steps', MAX_TEXT_BYTES))
      .toString()
      .trim();
    return parseWeight(/^\d+$/.test(text) ? Number(text) : text, 'model.steps');
  }
  return { ...(await checkpointFiles(read, findIndex(names, 'it'))), weight, release };
}
