import type { Client } from '../../../infra/local/demo/client.ts';
import { createClient } from '../../../infra/local/demo/client.ts';
import type { World } from './world.ts';

/** The demo's client, by which its own helpers upload updates and read averages. */
export const createDemoClient = ({ functions, gcs }: World): Client =>
  createClient({ aggregate: functions.aggregate.url, deploy: '', kubernetes: '', storage: gcs.url });
