import { createEventDelivery } from '../../gcs/events.ts';
import { startGcs } from '../../gcs/server.ts';

// A server in a process of its own, for tests that kill it: node gcs-process.ts DATA_DIR EVENT_TARGET
const [dataDir = '', target = ''] = process.argv.slice(2);
const events = createEventDelivery({ targets: () => [target], baseBackoffMs: 5, maxBackoffMs: 300 });
const server = await startGcs({ dataDir, buckets: ['bkt'], onFinalize: events.onFinalize });
process.stdout.write(`${server.url}\n`);
