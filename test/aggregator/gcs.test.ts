import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Storage } from '@google-cloud/storage';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createGcsFiles } from '../../src/aggregator/gcs-files.ts';
import type { GcsOptions } from '../../infra/local/gcs/server.ts';
import { startGcs } from '../../infra/local/gcs/server.ts';
import { measureUpdatesError } from './expectations.ts';
import { fixture, makeFolder, runProcess } from './harness.ts';

// A process each, on machines that may be busy.

const UPDATES = fixture('updates');
const TASK = 'tasksJobs/mnist-digits-v1';

const startBucket = async (faults?: GcsOptions['faults']) => {
  const server = await startGcs({ buckets: ['updates', 'averages'], ...(faults !== undefined && { faults }) });
  onTestFinished(() => server.close());
  const storage = new Storage({ apiEndpoint: server.url, projectId: 'local' });
  const upload = (name: string, data: Buffer | string): Promise<void> =>
    storage.bucket('updates').file(name).save(data);
  return { url: server.url, averages: storage.bucket('averages'), upload };
};

type Bucket = Awaited<ReturnType<typeof startBucket>>;

/** Uploads both layouts, and a list that names half of the updates by each. */
const uploadUpdates = async ({ upload }: Bucket): Promise<void> => {
  const paths: string[] = [];
  const jobs: { jobs: { jobId: string }[] } = JSON.parse(await readFile(join(UPDATES, 'expected.json'), 'utf8'));
  for (const [at, { jobId }] of jobs.jobs.entries()) {
    if (at % 2 === 0) {
      await upload(`${TASK}/${jobId}.zip`, await readFile(join(UPDATES, TASK, `${jobId}.zip`)));
      paths.push(`gs://updates/${TASK}/${jobId}.zip`);
      continue;
    }
    const directory = `directories/update_${at}`;
    for (const file of await readdir(join(UPDATES, directory))) {
      await upload(`${directory}/${file}`, await readFile(join(UPDATES, directory, file)));
    }
    paths.push(`gs://updates/${directory}/`);
  }
  await upload('lists/all.csv', `\ufeff${paths.join('\r\n')}\r\n`);
};

const environmentOf = async ({ url }: Bucket, list: string): Promise<Record<string, string>> => {
  const credentials = join(await makeFolder(), 'sacred.json');
  await writeFile(credentials, '{"type": "dummy"}');
  return {
    AGGREGATION_TYPE: 'wcma',
    AGGREGATION_CKPTS_FILELIST: `gs://updates/${list}`,
    AGGREGATION_OUTPUT_PATH: 'gs://averages/rounds/1/',
    GOOGLE_APPLICATION_CREDENTIALS: credentials,
    STORAGE_API_ENDPOINT: url,
  };
};

describe('from bucket to bucket', () => {
  test('updates of both layouts are averaged; the index is written last', async () => {
    const requests: string[] = [];
    const bucket = await startBucket(({ method, path }) => {
      if (path.includes('averages')) requests.push(`${method} ${decodeURIComponent(path)}`);
      return undefined;
    });
    await uploadUpdates(bucket);
    const { code, stdout, stderr } = await runProcess(await environmentOf(bucket, 'lists/all.csv'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('sum of weights 3021, into gs://averages/rounds/1/checkpoint.index');
    const written = requests.filter((line) => line.startsWith('POST')).map((line) => /name=([^&]+)/.exec(line)?.[1]);
    expect(written).toEqual(
      ['checkpoint.data-00000-of-00001', 'model.steps', 'checkpoint.index'].map((name) => `rounds/1/${name}`),
    );
    const folder = await makeFolder();
    for (const name of ['checkpoint.index', 'checkpoint.data-00000-of-00001']) {
      await bucket.averages.file(`rounds/1/${name}`).download({ destination: join(folder, name) });
    }
    expect(await measureUpdatesError(join(folder, 'checkpoint'), 'wcma')).toBeLessThan(1e-6);
  });

  test.each([
    [
      'a missing bundle',
      'gs://updates/none.zip',
      'update "gs://updates/none.zip" (line 1 of the list): it does not exist',
    ],
    [
      'a missing directory',
      'gs://updates/none',
      'update "gs://updates/none" (line 1 of the list): it does not exist, or is empty',
    ],
    ['a missing bucket', 'gs://none/a.zip', 'update "gs://none/a.zip" (line 1 of the list): it does not exist'],
  ])('%s ends it with a line that names it', async (_, path, reason) => {
    const bucket = await startBucket();
    await bucket.upload('lists/one.txt', path);
    const { code, stderr } = await runProcess(await environmentOf(bucket, 'lists/one.txt'));
    expect([code, stderr]).toEqual([1, `Aggregation failed: ${reason}\n`]);
  });

  test('a list that is not there ends it with a line that names it', async () => {
    const { code, stderr } = await runProcess(await environmentOf(await startBucket(), 'lists/none.txt'));
    expect([code, stderr]).toEqual([1, 'Aggregation failed: list "gs://updates/lists/none.txt": it does not exist\n']);
  });

  test('a bucket that is not there to write to ends it with a line that names it', async () => {
    const bucket = await startBucket();
    await uploadUpdates(bucket);
    const environment = await environmentOf(bucket, 'lists/all.csv');
    const { code, stderr } = await runProcess({ ...environment, AGGREGATION_OUTPUT_PATH: 'gs://none/out' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Aggregation failed: output "gs:\/\/none\/out": [^\n]+ does not exist\n$/);
  });
});

/** Answers the first `failures` requests by `fail`, and later ones with 200,000 bytes. */
const startFlaky = async (failures: number, status: number | 'cut'): Promise<string> => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    const isFailing = asked <= failures;
    if (isFailing && status !== 'cut') return void response.writeHead(status).end('{}');
    response.writeHead(200, { 'content-length': 200_000 });
    return void (isFailing
      ? response.write(Buffer.alloc(100_000), () => response.destroy())
      : response.end(Buffer.alloc(200_000, 7)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
};

describe('a download', () => {
  test.each([503, 429, 'cut'] as const)('is tried again after %s', async (status) => {
    const files = createGcsFiles(await startFlaky(1, status));
    expect(await files.read('gs://bucket/name', 1e6)).toEqual(Buffer.alloc(200_000, 7));
  });

  test('is not tried again after 403', async () => {
    const files = createGcsFiles(await startFlaky(1, 403));
    await expect(files.read('gs://bucket/name', 1e6)).rejects.toHaveProperty('code', 403);
  });

  test('of more than is read is given up', async () => {
    const files = createGcsFiles(await startFlaky(0, 503));
    await expect(files.read('gs://bucket/name', 1000)).rejects.toThrow(
      'it holds more than the 1000 bytes that are read',
    );
  });
});
