import { fileURLToPath } from 'node:url';
import { startFunctionProcess } from '../../infra/local/function-process.ts';
import type { Scope } from './scope.ts';

/** What a process has used; see probe.mjs. */
export interface Probe {
  readonly rssBytes: number;
  readonly maxRssBytes: number;
  readonly cpuMs: number;
  readonly blockedMs: number;
}

/** A function under the real functions-framework, in a process of its own. */
export interface MeasuredFunction {
  readonly url: string;
  /** Upstream calls of the last `times` requests, once they are logged; {@link forget} comes before them. */
  upstreamCalls(times: number): Promise<readonly number[]>;
  /** Forgets what it has logged so far. */
  forget(): Promise<void>;
  /** `null` where processes take no such signal. */
  probe(): Promise<Probe | null>;
}

export const PROBE = fileURLToPath(new URL('probe.mjs', import.meta.url));
const LINES_MS = 10_000;

/** Resolves once `isDone`. Throws an Error after ten seconds. */
const until = async (what: string, isDone: () => boolean): Promise<void> => {
  for (const endsAt = Date.now() + LINES_MS; !isDone();) {
    if (Date.now() > endsAt) throw new Error(`${what}: not within ${LINES_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

interface Line {
  readonly upstreamCalls?: number;
  readonly probe?: Probe;
}

const parseLine = (text: string): Line => {
  try {
    return JSON.parse(text);
  } catch {
    // Not everything that a process prints is a log line.
    return {};
  }
};

/** The probe that a process printed as its last line. */
export const lastProbe = (output: string): Probe | null =>
  output
    .trimEnd()
    .split('\n')
    .map(parseLine)
    .findLast(({ probe }) => probe !== undefined)?.probe ?? null;

/** Starts the function `target` as the local stack does; it ends with the scope. */
export const startMeasuredFunction = async (
  scope: Scope,
  target: 'aggregate' | 'onCheckpoint' | 'deploy',
  env: Readonly<Record<string, string>>,
): Promise<MeasuredFunction> => {
  let calls: number[] = [];
  let probes: Probe[] = [];
  const onLine = (text: string): void => {
    const { upstreamCalls, probe } = parseLine(text);
    if (upstreamCalls !== undefined) calls.push(upstreamCalls);
    if (probe !== undefined) probes.push(probe);
  };
  const started = scope.keep(
    await startFunctionProcess({
      target,
      env: { ...env, NODE_OPTIONS: `--import=${new URL('probe.mjs', import.meta.url).href}` },
      onLine,
    }),
  );
  const probe = async (): Promise<Probe | null> => {
    const pid = started.pid();
    if (pid === undefined || process.platform === 'win32') return null;
    probes = [];
    process.kill(pid, 'SIGUSR2');
    await until(`the probe of ${target}`, () => probes.length > 0);
    return probes.at(-1) ?? null;
  };
  return {
    url: started.url,
    upstreamCalls: async (times) => {
      await until(`${times} log lines of ${target}`, () => calls.length >= times);
      return calls.splice(0);
    },
    // What it was asked last stands behind all log lines.
    forget: async () => {
      await probe();
      calls = [];
    },
    probe,
  };
};
