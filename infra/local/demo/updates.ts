import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { BUCKETS } from '../stack.ts';
import type { Client } from './client.ts';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/updates', import.meta.url));

const ExpectedSchema = z.object({
  task: z.string(),
  jobs: z.array(z.object({ jobId: z.string(), numSamples: z.number() })),
  cma: z.record(z.string(), z.array(z.number())),
  wcma: z.record(z.string(), z.array(z.number())),
});

/** The averages of the updates, by variable: the first 64 elements of each, computed by TensorFlow and numpy. */
export type Expected = z.infer<typeof ExpectedSchema>;

/** One layout of uploaded updates, with the list that names them. */
export interface Uploaded {
  readonly layout: 'bundles' | 'directories';
  readonly list: string;
  readonly updates: number;
}

export async function readExpected(): Promise<Expected> {
  return ExpectedSchema.parse(JSON.parse(await readFile(`${FIXTURES}/expected.json`, 'utf8')));
}

/** The file with a device's bundle. */
export function bundleFile(task: string, jobId: string): string {
  return `${FIXTURES}/tasksJobs/${task}/${jobId}.zip`;
}

/** Uploads the real device updates of `test/fixtures` in both layouts, and a checkpoint list for each. */
export async function uploadUpdates(client: Client, expected: Expected): Promise<readonly Uploaded[]> {
  return [await uploadBundles(client, expected), await uploadDirectories(client, expected)];
}

async function uploadBundles(client: Client, { task, jobs }: Expected): Promise<Uploaded> {
  const names = jobs.map(({ jobId }) => `bundles/${jobId}.zip`);
  for (const { jobId } of jobs)
    await client.upload(BUCKETS.uploads, `bundles/${jobId}.zip`, await readFile(bundleFile(task, jobId)));
  const list = await uploadList(
    client,
    'lists/bundles.txt',
    names.map((name) => `gs://${BUCKETS.uploads}/${name}`),
  );
  return { layout: 'bundles', list, updates: names.length };
}

async function uploadList(client: Client, name: string, paths: readonly string[]): Promise<string> {
  await client.upload(BUCKETS.uploads, name, Buffer.from(`${paths.join('\n')}\n`));
  return `gs://${BUCKETS.uploads}/${name}`;
}

async function uploadDirectories(client: Client, { jobs }: Expected): Promise<Uploaded> {
  const folders = jobs.map((_, index) => `update_${index}`);
  for (const folder of folders) {
    for (const file of await readdir(`${FIXTURES}/directories/${folder}`)) {
      await client.upload(
        BUCKETS.uploads,
        `directories/${folder}/${file}`,
        await readFile(`${FIXTURES}/directories/${folder}/${file}`),
      );
    }
  }
  const paths = folders.map((folder) => `gs://${BUCKETS.uploads}/directories/${folder}`);
  return {
    layout: 'directories',
    list: await uploadList(client, 'lists/directories.txt', paths),
    updates: folders.length,
  };
}
