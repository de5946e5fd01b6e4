import { connect } from 'node:net';
import { request } from 'undici';
import type { Container, Probe } from './types.ts';
import { messageOf } from './types.ts';

export interface ProbeContext {
  readonly container: Container;
  readonly ports: ReadonlyMap<number, number>;
}

export type ProbeKind = 'Startup' | 'Readiness' | 'Liveness';

export interface ProbeLoop {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  /** Until the first success the probe is repeated this often, if that is sooner than its period; a failure counts once per period. */
  readonly eagerMs: number;
  /** Each failed attempt. */
  readonly onFailure: (message: string) => void;
  /** The outcome changed: as many successes or failures in a row as the threshold requires. */
  readonly onChange: (healthy: boolean) => void;
}

/** Runs a probe until `stop` is called. Thresholds and periods: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/ */
export function startProbe(context: ProbeContext, loop: ProbeLoop): () => void {
  const { probe, eagerMs, onFailure, onChange } = loop;
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const needed = { true: probe.successThreshold ?? 1, false: probe.failureThreshold ?? 3 };
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let run: { readonly healthy: boolean; count: number } = { healthy: false, count: 0 };
  let succeeded = false;
  let countedAtMs = Number.NEGATIVE_INFINITY;

  function note(healthy: boolean): void {
    if (run.healthy !== healthy) run = { healthy, count: 0 };
    run.count += 1;
    if (run.count === needed[`${healthy}`]) onChange(healthy);
  }
  async function attempt(): Promise<void> {
    const fault = await probeOnce(context, probe);
    if (stopped) return;
    succeeded ||= fault === null;
    if (fault === null) note(true);
    else if (succeeded || Date.now() - countedAtMs >= periodMs) {
      countedAtMs = Date.now();
      onFailure(`${loop.kind} probe failed: ${fault}`);
      note(false);
    }
    if (!stopped) schedule(succeeded ? periodMs : Math.min(periodMs, eagerMs));
  }
  function schedule(ms: number): void {
    timer = setTimeout(() => void attempt(), ms);
  }
  schedule((probe.initialDelaySeconds ?? 0) * 1000);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

async function probeOnce(context: ProbeContext, probe: Probe): Promise<string | null> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.httpGet !== undefined) await httpProbe(context, probe, timeoutMs);
    else if (probe.tcpSocket !== undefined) await tcpProbe(context, probe, timeoutMs);
    else return 'only httpGet and tcpSocket probes are supported by a node of local processes';
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function httpProbe(context: ProbeContext, { httpGet }: Probe, timeoutMs: number): Promise<void> {
  if (httpGet === undefined) return;
  const scheme = (httpGet.scheme ?? 'HTTP').toLowerCase();
  const path = httpGet.path ?? '/';
  const url = `${scheme}://127.0.0.1:${portOf(context, httpGet.port)}${path.startsWith('/') ? path : `/${path}`}`;
  const own = Object.fromEntries((httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const headers = { 'User-Agent': 'kube-probe/1.36', Accept: '*/*', ...own };
  const answer = await request(url, { headers, signal: AbortSignal.timeout(timeoutMs), reset: true });
  await answer.body.dump();
  if (answer.statusCode >= 400) throw new Error(`HTTP probe failed with statuscode: ${answer.statusCode}`);
}

/** Returns the port on this machine for a probe's port, which is a number or a name. */
function portOf({ container, ports }: ProbeContext, port: unknown): number {
  const declared = (container.ports ?? []).find(
    ({ name, containerPort }) => name === port || containerPort === Number(port),
  );
  const number = declared?.containerPort ?? Number(port);
  if (!Number.isInteger(number)) throw new Error(`couldn't find port: "${String(port)}"`);
  return ports.get(number) ?? number;
}

function tcpProbe(context: ProbeContext, { tcpSocket }: Probe, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const port = portOf(context, tcpSocket?.port);
    const socket = connect({ host: '127.0.0.1', port, timeout: timeoutMs });
    function fail(why: string): void {
      socket.destroy();
      reject(new Error(`dial tcp 127.0.0.1:${port}: ${why}`));
    }
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => fail('i/o timeout'));
    socket.once('error', (error) => fail(error.message));
  });
}
