import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodPlace } from './downward.ts';
import { resolveEnv } from './env.ts';
import { expand } from './expand.ts';
import { createLogFile } from './log-file.ts';
import type { LogFile } from './log-file.ts';
import { readLogTail } from './log-read.ts';
import { buildMounts, mapPaths } from './mounts.ts';
import type { Mount } from './mounts.ts';
import { recordProcess } from './process-record.ts';
import { startProcess } from './process.ts';
import type { LocalProcess, ProcessExit } from './process.ts';
import type { Sources } from './sources.ts';
import { messageOf } from './types.ts';
import type { Container, ImageEntry, Pod } from './types.ts';

const TERMINATION_PATH = '/dev/termination-log';
/** The kubelet reads no more of a termination message. */
const MAX_MESSAGE_BYTES = 4096;

/** The container cannot be made of this image entry: waiting CreateContainerError. */
export class CreateContainerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CreateContainerError';
  }
}

export interface LaunchContext extends PodPlace {
  readonly pod: Pod;
  readonly sources: Sources;
  /** Of the pod: `volumes/<name>`, `containers/<name>`. */
  readonly podDir: string;
  /** Of the pod: `<container>/<run>.log`. */
  readonly logDir: string;
  /** Process ports by container port, of this container. */
  readonly ports: ReadonlyMap<number, number>;
}

/** All that is needed to start a container's process. */
export interface LaunchPlan {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly folder: string;
  readonly logPath: string;
  readonly terminationPath: string;
}

export interface Run {
  readonly containerId: string;
  readonly log: LogFile;
  readonly process: LocalProcess;
  /** How it ended, and its termination message. */
  readonly ended: Promise<ProcessExit & { readonly message: string }>;
}

/**
 * Resolves everything a container's process needs and makes its folders.
 * @throws ContainerConfigError for what is missing in the cluster, CreateContainerError for what the image entry does not allow
 */
export async function prepareLaunch(
  context: LaunchContext,
  container: Container,
  entry: ImageEntry,
  runNumber: number,
): Promise<LaunchPlan> {
  const { podDir } = context;
  const own = await resolveEnv(context, container);
  const folder = join(podDir, 'containers');
  const home = join(folder, container.name);
  const terminationPath = join(folder, `${container.name}.termination-${runNumber}`);
  const termination: Mount = {
    mountPath: container.terminationMessagePath ?? TERMINATION_PATH,
    target: terminationPath,
  };
  const mounts = [termination, ...buildMounts(container, own, (volume) => join(podDir, 'volumes', volume))];
  const variables = entryVariables(container, context.ports, terminationPath);
  function expandEntry(text: string): string {
    return mapPaths(expand(text, variables), mounts);
  }
  function expandOwn(text: string): string {
    return mapPaths(expand(text, own), mounts);
  }
  const command = commandOf(container, entry, expandEntry, expandOwn);
  const workingDir = mapPaths(container.workingDir ?? '', mounts);
  mkdirSync(home, { recursive: true });
  // One run before this one is kept, as `kubectl logs --previous` can show no more.
  rmSync(join(context.logDir, container.name, `${runNumber - 2}.log`), { force: true });
  writeFileSync(terminationPath, '');
  return {
    command,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      TERMINATION_LOG: terminationPath,
      ...Object.fromEntries(Object.entries(entry.env ?? {}).map(([name, value]) => [name, expandEntry(value)])),
      ...Object.fromEntries([...own].map(([name, value]) => [name, mapPaths(value, mounts)])),
    },
    // A folder of the image is not here: only one in a mount can be the working directory.
    cwd: workingDir === (container.workingDir ?? '') ? home : workingDir,
    folder,
    logPath: join(context.logDir, container.name, `${runNumber}.log`),
    terminationPath,
  };
}

/** `PORT_<name>`, `PORT_<containerPort>` and TERMINATION_LOG: what an image entry can use of where its process runs. */
function entryVariables(
  container: Container,
  ports: ReadonlyMap<number, number>,
  terminationPath: string,
): ReadonlyMap<string, string> {
  const variables = new Map([['TERMINATION_LOG', terminationPath]]);
  for (const { name, containerPort } of container.ports ?? []) {
    const port = String(ports.get(containerPort) ?? containerPort);
    variables.set(`PORT_${containerPort}`, port);
    if (name !== undefined) variables.set(`PORT_${name}`, port);
  }
  return variables;
}

/** ENTRYPOINT and CMD against command and args: https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/ */
function commandOf(
  container: Container,
  entry: ImageEntry,
  own: (text: string) => string,
  theirs: (text: string) => string,
): string[] {
  const { command = [], args = [] } = container;
  function refuse(field: string, option: string): never {
    throw new CreateContainerError(
      `image "${container.image}" is run by a local program whose entry in the image map does not allow the container's ${field} (${option})`,
    );
  }
  if (command.length > 0 && entry.allowCommand !== true) refuse('command', 'allowCommand');
  if (args.length > 0 && command.length === 0 && entry.allowArgs !== true) refuse('args', 'allowArgs');
  if (command.length > 0) return [...command, ...args].map(theirs);
  return [...entry.command.map(own), ...(args.length > 0 ? args.map(theirs) : (entry.args ?? []).map(own))];
}

/**
 * Starts the process. Its output goes to the log; its end is reported with the termination message.
 * @throws when the program cannot be started
 */
export async function startRun(container: Container, plan: LaunchPlan): Promise<Run> {
  const log = createLogFile(plan.logPath);
  const { command, env, cwd, folder } = plan;
  try {
    const started = await startProcess({ command, env, cwd, onOutput: (stream, chunk) => log.write(stream, chunk) });
    recordProcess(folder, container.name, started.pid);
    const ended = started.exited.then(async (exit) => {
      log.end();
      return { ...exit, message: await terminationMessage(container, plan, exit.exitCode) };
    });
    return { containerId: `process://${randomBytes(32).toString('hex')}`, log, process: started, ended };
  } catch (error) {
    log.end();
    throw error;
  }
}

async function terminationMessage(container: Container, plan: LaunchPlan, exitCode: number): Promise<string> {
  try {
    const written = readMessage(plan.terminationPath);
    if (written !== '' || exitCode === 0 || container.terminationMessagePolicy !== 'FallbackToLogsOnError')
      return written;
    return await readLogTail(plan.logPath);
  } catch (error) {
    return `Error on reading termination message: ${messageOf(error)}`;
  }
}

function readMessage(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(MAX_MESSAGE_BYTES);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, MAX_MESSAGE_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}
