import { AsyncLocalStorage } from 'node:async_hooks';

export type Severity = 'DEBUG' | 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** Fields of one line. https://cloud.google.com/logging/docs/structured-logging lists the names with a meaning. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one JSON line. Must never throw: a full pipe may lose a line, but must not fail a request. */
export type Log = (severity: Severity, message: string, fields?: LogFields) => void;

interface Meter {
  upstreamCalls: number;
}

// Cloud Logging splits or drops an entry of more than 256 KiB. One character takes at most six bytes as JSON.
const MAX_LINE_CHARS = 32_768;

const meters = new AsyncLocalStorage<Meter>();
const requests = new AsyncLocalStorage<LogFields>();

/**
 * A Log that writes to `write`, in production to standard output, which Cloud Run reads as structured logs. Each line
 * has the fields of the request that it is written for ({@link withLogFields}).
 */
export function createLog(write: (line: string) => void): Log {
  return (severity, message, fields = {}) => {
    try {
      const line = { severity, message, ...requests.getStore(), ...fields };
      write(`${JSON.stringify(cutFields(line, MAX_LINE_CHARS))}\n`);
    } catch {
      const text = cutText(message, MAX_LINE_CHARS);
      write(`${JSON.stringify({ severity, message: text, logError: 'the fields could not be serialised' })}\n`);
    }
  };
}

/** Runs `work`; each line that is logged within it has `fields`, unless it has others of the same names. */
export function withLogFields<T>(fields: LogFields, work: () => T): T {
  return requests.run({ ...requests.getStore(), ...fields }, work);
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

/** `text`, or its beginning with the number of characters that were left out. */
export function cutText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  return `${text.slice(0, Math.max(0, maxChars))}... (${text.length - Math.max(0, maxChars)} characters more)`;
}

/**
 * `fields` with about `maxChars` characters of text in all, keys included, and at most a quarter of them in one text:
 * what comes after is cut or left out.
 */
export function cutFields(fields: LogFields, maxChars: number): Record<string, unknown> {
  let left = maxChars;
  function cut(value: unknown): unknown {
    if (typeof value === 'string') {
      const text = cutText(value, Math.min(left, maxChars / 4));
      left -= text.length;
      return text;
    }
    if (Array.isArray(value)) return cutItems(value);
    if (typeof value !== 'object' || value === null) return value;
    return 'toJSON' in value && typeof value.toJSON === 'function' ? cut(value.toJSON()) : cutEntries(value);
  }
  function cutItems(items: readonly unknown[]): unknown[] {
    const kept: unknown[] = [];
    for (const item of items) {
      if (left <= 0) return [...kept, `... (${items.length - kept.length} more)`];
      left -= 1;
      kept.push(cut(item));
    }
    return kept;
  }
  function cutEntries(source: object): Record<string, unknown> {
    const kept: [string, unknown][] = [];
    for (const [key, value] of Object.entries(source)) {
      if (left <= 0) return Object.fromEntries([...kept, ['...', 'cut']]);
      left -= Math.min(key.length, 256);
      kept.push([cutText(key, 256), cut(value)]);
    }
    return Object.fromEntries(kept);
  }
  return cutEntries(fields);
}
