/** An embedded Kubernetes API in a process of its own: for persistence.test.ts, which kills it. Prints its URL. */
import { startKubernetes } from '../../kubernetes/server.ts';

const [dataDir = ''] = process.argv.slice(2);
const { url } = await startKubernetes({ dataDir });
process.stdout.write(`${url}\n`);
