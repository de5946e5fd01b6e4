/** What the image map runs for the repository's and flea's images: `service.ts repository|flea -backend memory|gcs`. */
import { listenOnLoopback } from '../loopback.ts';
import { createGrpc } from './service/grpc.ts';
import { createRest } from './service/rest.ts';
import { parseSettings } from './service/settings.ts';

/** How a Go program ends that panics. */
const PANIC = 2;

function fail(error: unknown): never {
  process.stderr.write(`panic: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(PANIC);
}

async function start(): Promise<void> {
  const { service, backend, grpcPort, restPort } = parseSettings(process.argv.slice(2), process.env);
  await listenOnLoopback(createGrpc(service), grpcPort);
  await listenOnLoopback(createRest(service), restPort);
  process.stdout.write(`${service.name} (${backend}) serves gRPC at ${grpcPort} and REST at ${restPort}\n`);
}

process.on('SIGTERM', () => process.exit(0));
await start().catch(fail);
