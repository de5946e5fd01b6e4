import { jobOf, parseRunRecord } from '../../src/runs/record.ts';
import { expectStatus } from './client.ts';
import type { MeasuredFunction } from './measured-function.ts';
import type { Scope } from './scope.ts';
import { buildTrigger, LIST } from './trigger-body.ts';
import type { World, WorldOptions } from './world.ts';
import { AGGREGATOR, BUCKETS, NAMESPACE, startWorld } from './world.ts';

/** A trigger, and what it is compared with. Each call is of a run, or a Job, that was never there before. */
export interface Contest {
  readonly world: World;
  readonly fn: MeasuredFunction;
  readonly trigger: (id: string, status?: number) => Promise<void>;
  /** One POST of the Job that a trigger makes. */
  readonly bare: (id: string) => Promise<void>;
  /** The requests that a trigger makes, in its order, with nothing between them. */
  readonly bareCalls: (id: string) => Promise<void>;
}

interface FirstRun {
  readonly record: string;
  readonly buildJob: (name: string) => string;
}

const objectUrl = ({ storage }: World, bucket: string, name: string): string =>
  `${storage.url}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`;

/** The record of a run, and the Job that the function sends for it, to be sent under another name. */
const readFirstRun = async (world: World, id: string): Promise<FirstRun> => {
  const read = world.client.send('GET', objectUrl(world, BUCKETS.state, `runs/${id}.json`));
  const { text } = expectStatus(await read, [200], 'The record of a run');
  const record = parseRunRecord(text);
  const job = JSON.stringify(jobOf(record));
  return {
    record: text,
    buildJob: (jobName) => job.replace(`"name":"${record.jobName}"`, `"name":"${jobName}"`),
  };
};

const createBare =
  ({ api }: World, { buildJob }: FirstRun) =>
  async (id: string): Promise<void> => {
    const sent = api.client.send(
      'POST',
      `${api.url}/apis/batch/v1/namespaces/${NAMESPACE}/jobs`,
      buildJob(`bare-${id}`),
    );
    expectStatus(await sent, [201], 'The bare POST of a Job');
  };

const createBareCalls = (world: World, { record }: FirstRun, postJob: (id: string) => Promise<void>) => {
  const { api, client } = world;
  const secret = `${api.url}/api/v1/namespaces/${NAMESPACE}/secrets/${AGGREGATOR.serviceAccount.secret}`;
  const list = objectUrl(world, BUCKETS.uploads, LIST);
  return async (id: string): Promise<void> => {
    const replies = await Promise.all([
      client.send('GET', objectUrl(world, BUCKETS.state, `bare/${id}.json`)),
      client.send('GET', list),
      api.client.send('GET', secret),
    ]);
    for (const reply of replies) expectStatus(reply, [200, 404], 'A bare read');
    await world.upload(BUCKETS.state, `bare/${id}.json`, record);
    await postJob(`calls-${id}`);
    await world.upload(BUCKETS.state, `bare/${id}.json`, record);
  };
};

/** Starts a world with a list of two updates and the function, and makes its first run. It ends with the scope. */
export const startContest = async (scope: Scope, options: WorldOptions): Promise<Contest> => {
  const world = await startWorld(scope, options);
  const [fn] = await Promise.all([
    world.startFunction('aggregate'),
    world.upload(BUCKETS.uploads, LIST, `gs://${BUCKETS.uploads}/update-1\ngs://${BUCKETS.uploads}/update-2\n`),
  ]);
  const trigger = async (id: string, status = 201): Promise<void> => {
    expectStatus(await world.client.send('POST', `${fn.url}/`, buildTrigger(id)), [status], 'The trigger');
  };
  await trigger('first');
  const first = await readFirstRun(world, 'first');
  const bare = createBare(world, first);
  return { world, fn, trigger, bare, bareCalls: createBareCalls(world, first, bare) };
};
