import { AsyncLocalStorage } from 'node:async_hooks';

export type Severity = 'DEBUG' | 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** Fields of one line; see https://cloud.google.com/logging/docs/structured-logging for the special ones. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one JSON line. Must never throw: a full pipe may lose a line, not a request. */
export type Log = (severity: Severity, message: string, fields?: LogFields) => void;

interface Meter {
  upstreamCalls: number;
}

const meters = new AsyncLocalStorage<Meter>();

/** A Log that writes to `write` (standard output in production: Cloud Run reads it as structured). */
export function createLog(write: (line: string) => void): Log {
  return (severity, message, fields = {}) => {
    try {
      write(`${JSON.stringify({ severity, message, ...fields })}\n`);
    } catch {
      write(`${JSON.stringify({ severity, message, logError: 'the fields could not be serialised' })}\n`);
    }
  };
}

/** Runs `work`, counting the calls to Kubernetes and Google Cloud that are made within it. */
export async function metered<T>(work: (meter: Readonly<Meter>) => Promise<T>): Promise<T> {
  const meter: Meter = { upstreamCalls: 0 };
  return meters.run(meter, () => work(meter));
}

/** Called by the adapters, once per request sent. */
export function countUpstreamCall(): void {
  const meter = meters.getStore();
  if (meter !== undefined) meter.upstreamCalls += 1;
}
