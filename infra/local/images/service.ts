/** The program for the images of the repository and flea: `service.ts repository|flea -backend memory|gcs`. */
import { listenOnLoopback } from '../loopback.ts';
import { createGrpc } from './service/grpc.ts';
import { createRest } from './service/rest.ts';
import { parseSettings } from './service/settings.ts';

/** Exit code of a Go program that panics. */
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
