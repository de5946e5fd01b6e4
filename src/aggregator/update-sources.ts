import type { CheckpointFiles } from './checkpoint.ts';
import { Fault, quote, withinAsync } from './fault.ts';
import { createHeldBytes } from './held-bytes.ts';
import { joinPath } from './file-store.ts';
import type { FindStore } from './paths.ts';
import { dataFileName } from './tensor-bundle-reader.ts';
import { openZip } from './zip-reader.ts';

/** An update whose large parts have not been read yet. */
export interface UpdateFiles extends CheckpointFiles {
  /** Returns the number of samples, or null if the update has none. Throws Fault unless it is an integer of 0 or more. */
  readonly weight: () => Promise<number | null>;
  /** Frees the memory of the update. Everything read from it is empty afterwards. */
  readonly release: () => void;
}

/** Limit for one file, and for a bundle as a whole. */
const MAX_BYTES = 2 ** 31;
const MAX_TEXT_BYTES = 16 * 2 ** 20;

/** Reads one file of the update. A fault names the file. */
type ReadFile = (name: string, maxBytes: number) => Promise<Uint8Array>;

/**
 * Opens the update at `path`: a bundle if it ends in `.zip`, else a directory. Reads its index, or all of a bundle.
 * Throws what the store throws, or Fault.
 */
export function openUpdate(path: string, findStore: FindStore): Promise<UpdateFiles> {
  return path.endsWith('.zip') ? openBundle(path, findStore) : openDirectory(path, findStore);
}

async function openBundle(path: string, findStore: FindStore): Promise<UpdateFiles> {
  const store = await findStore(path);
  const { hold, release } = createHeldBytes();
  const zip = await openZip(hold(await store.read(path, MAX_BYTES)));
  const folder = findFolder(zip.names);
  const place = `${folder}/checkpoints/`;
  const names = zip.names.filter((name) => name.startsWith(place)).map((name) => name.slice(place.length));
  const read = naming(async (name, maxBytes) => hold(await zip.read(`${place}${name}`, maxBytes)));
  const result = parseResult(await naming(zip.read)(`${folder}/result.json`, MAX_TEXT_BYTES));
  async function weight(): Promise<number | null> {
    return result['numSamples'] === undefined ? null : parseWeight(result['numSamples'], 'numSamples of result.json');
  }
  return { ...(await checkpointFiles(read, findIndex(names, 'its folder checkpoints'))), weight, release };
}

/**
 * Returns the only folder with a `result.json`. Its name is not checked: some devices name it as the zip, the iOS client
 * adds `.tioresult`, and the original aggregator takes any.
 */
function findFolder(names: readonly string[]): string {
  const found = names.flatMap((name) => /^([^/]+)\/result\.json$/.exec(name)?.[1] ?? []);
  const [only] = found;
  if (only === undefined) throw new Fault('"result.json": no folder of the zip holds it');
  if (found.length > 1) throw new Fault(`it holds ${found.length} folders with a result.json, instead of one`);
  return only;
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

/** Returns the only `*.index` of `names`. The checkpoint that training started from (`initial` in its name) is ignored. */
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
