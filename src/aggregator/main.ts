/**
 * The reference aggregator. Averages TensorFlow V2 checkpoints; its environment (settings.ts) is its configuration. Exits
 * with 0, or with 1 after one last line on standard error that states the reason.
 */
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { aggregate } from './aggregate.ts';
import { describeError, Fault, quote, withinAsync } from './fault.ts';
import { createFindStore } from './paths.ts';
import { parseSettings } from './settings.ts';

function fail(error: unknown): void {
  process.stderr.write(`Aggregation failed: ${describeError(error)}\n`);
  // Exits at once: updates that are still being read would delay it.
  process.exit(1);
}

async function run(): Promise<void> {
  const started = performance.now();
  if (endianness() !== 'LE') throw new Fault('this machine is big-endian, which is not supported');
  const settings = parseSettings(process.env);
  const { credentialsPath } = settings;
  if (credentialsPath !== undefined) {
    await withinAsync(`GOOGLE_APPLICATION_CREDENTIALS ${quote(credentialsPath)}`, () => readFile(credentialsPath));
  }
  function log(line: string): void {
    return void process.stdout.write(`${line}\n`);
  }
  const outcome = await aggregate({ settings, findStore: createFindStore(settings.endpoint), log });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  log(
    `Averaged ${outcome.updates} ${outcome.updates === 1 ? 'update' : 'updates'}, sum of weights ${outcome.weight}, into ${outcome.indexPath} in ${seconds} s`,
  );
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
await run().catch(fail);
