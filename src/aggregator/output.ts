import { withinAsync } from './fault.ts';
import { joinPath } from './file-store.ts';
import type { FindStore } from './paths.ts';
import { dataFileName } from './tensor-bundle-reader.ts';
import type { OutputVariable } from './tensor-bundle-writer.ts';
import { createBundleWriter } from './tensor-bundle-writer.ts';

const PREFIX = 'checkpoint';

export interface Output {
  readonly directory: string;
  readonly variables: readonly OutputVariable[];
  /** The content of `model.steps`; null writes no such file. */
  readonly steps: number | null;
}

/**
 * Writes the checkpoint: data file, `model.steps`, and the index last, after any index of an earlier run was removed. A
 * directory with an index is therefore complete, whenever this process ends. Returns the path of the index.
 */
export async function writeOutput(output: Output, findStore: FindStore): Promise<string> {
  const store = await findStore(output.directory);
  const writer = createBundleWriter(output.variables);
  function write(name: string, chunks: Iterable<Uint8Array>): Promise<void> {
    return withinAsync(`writing ${name}`, () => store.write(joinPath(output.directory, name), chunks));
  }
  const indexName = `${PREFIX}.index`;
  const indexPath = joinPath(output.directory, indexName);
  await withinAsync(`removing an earlier ${indexName}`, () => store.remove(indexPath));
  await write(dataFileName(PREFIX, 0, 1), writer.data());
  if (output.steps !== null) await write('model.steps', [Buffer.from(String(output.steps))]);
  await write(indexName, [writer.index()]);
  return indexPath;
}
