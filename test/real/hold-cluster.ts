/** Starts real servers and holds them until it is killed: for cluster.test.ts. Prints its server's URL. */
import { startRealCluster } from './cluster.ts';

const cluster = await startRealCluster();
process.stdout.write(`${JSON.stringify({ server: cluster.server, kubeconfig: cluster.kubeconfig })}\n`);
setInterval(() => undefined, 60_000);
