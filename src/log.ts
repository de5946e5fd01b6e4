import { AsyncLocalStorage } from 'node:async_hooks';

export type Severity = 'DEBUG' | 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** The fields of one line. https://cloud.google.com/logging/docs/structured-logging lists the special ones. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one JSON line. Must never throw: a full pipe may lose a line, but must not fail a request. */
export type Log = (severity: Severity, message: string, fields?: LogFields) => void;

interface Meter {
  upstreamCalls: number;
}

const meters = new AsyncLocalStorage<Meter>();

/** Creates a Log that passes each line to `write`. Cloud Run parses JSON lines on standard output as structured logs. */
export function createLog(write: (line: string) => void): Log {
  return (severity, message, fields = {}) => {
    try {
      write(`${JSON.stringify({ severity, message, ...fields })}\n`);
    } catch {
      write(`${JSON.stringify({ severity, message, logError: 'the fields cannot be serialized' })}\n`);
    }
  };
}

/** Runs `work` and counts the calls to Kubernetes and Google Cloud that it makes. */
export async function metered<T>(work: (meter: Readonly<Meter>) => Promise<T>): Promise<T> {
  const meter: Meter = { upstreamCalls: 0 };
  return meters.run(meter, () => work(meter));
}

/** The adapters call this once per request that they send. */
export function countUpstreamCall(): void {
  const meter = meters.getStore();
  if (meter !== undefined) meter.upstreamCalls += 1;
}
