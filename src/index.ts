import { http } from '@google-cloud/functions-framework';
import { z } from 'zod';
import { parseConfig } from './config.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { createAggregate } from './functions/aggregate.ts';
import { createDeploy } from './functions/deploy.ts';
import { createOnCheckpoint } from './functions/on-checkpoint.ts';
import { guardServers } from './functions/front.ts';
import { createLog } from './log.ts';
import { wire } from './wire.ts';

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

function start(): void {
  const config = configure();
  try {
    const deps = wire(config, log);
    guardServers({ log, projectId: config.projectId });
    http('aggregate', createAggregate(deps.aggregate));
    http('deploy', createDeploy(deps.deploy));
    http('onCheckpoint', createOnCheckpoint(deps.onCheckpoint));
  } catch (error) {
    if (error instanceof AppError) refuseToStart(`The configuration is not valid: ${error.message}`);
    if (error instanceof Error && 'code' in error)
      refuseToStart(`The configured values cannot be read: ${error.message}`);
    throw error;
  }
}

start();
