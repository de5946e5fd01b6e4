import { http } from '@google-cloud/functions-framework';
import * as z from 'zod';
import { parseConfig } from './config.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { guardServers } from './functions/front.ts';
import { createLog } from './log.ts';
import { wire } from './wire.ts';
import type { Wiring } from './wire.ts';

const log = createLog((line) => process.stdout.write(line));

// functions-framework reports an error at load as a syntax error. Here it names the variables, and the process ends, so
// that the revision never serves.
function refuseToStart(message: string): never {
  log('CRITICAL', message);
  process.exit(1);
}

function configure(): Config {
  try {
    return parseConfig(process.env);
  } catch (error) {
    if (error instanceof z.ZodError) return refuseToStart(`The configuration is not valid:\n${z.prettifyError(error)}`);
    throw error;
  }
}

// Each function is a module of its own, so that an instance loads only the code of the function that it serves.
const FUNCTIONS = {
  aggregate: async (deps: Wiring) =>
    http('aggregate', (await import('./functions/aggregate.ts')).createAggregate(deps.aggregate)),
  deploy: async (deps: Wiring) => http('deploy', (await import('./functions/deploy.ts')).createDeploy(deps.deploy)),
  onCheckpoint: async (deps: Wiring) =>
    http('onCheckpoint', (await import('./functions/on-checkpoint.ts')).createOnCheckpoint(deps.onCheckpoint)),
};

function isFunction(name: string | undefined): name is keyof typeof FUNCTIONS {
  return name !== undefined && name in FUNCTIONS;
}

async function start(): Promise<void> {
  const config = configure();
  try {
    const deps = wire(config, log);
    guardServers({ log, projectId: config.projectId });
    // The platform names the function that this instance serves. Without the name, functions-framework chooses one.
    const served = process.env['FUNCTION_TARGET'];
    if (isFunction(served)) await FUNCTIONS[served](deps);
    else for (const register of Object.values(FUNCTIONS)) await register(deps);
  } catch (error) {
    if (error instanceof AppError) refuseToStart(`The configuration is not valid: ${error.message}`);
    if (error instanceof Error && 'code' in error)
      refuseToStart(`The configured values cannot be read: ${error.message}`);
    throw error;
  }
}

await start();
