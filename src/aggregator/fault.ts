/** An error in the input or the settings, as one sentence: where it is, and the reason. No stack is printed. */
export class Fault extends Error {
  override readonly name = 'Fault';
}

const MESSAGE_BY_CODE: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is not a directory',
  EISDIR: 'it is a directory, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  ECONNREFUSED: 'the storage endpoint refused the connection',
  ENOTFOUND: 'the storage endpoint’s host is not known',
  ECONNRESET: 'the storage endpoint closed the connection',
  ETIMEDOUT: 'the storage endpoint did not answer in time',
};

const MESSAGE_BY_STATUS: Readonly<Record<number, string>> = {
  401: 'Cloud Storage refused the credentials (401)',
  403: 'Cloud Storage denied access (403)',
  404: 'it does not exist',
  412: 'it changed while it was read (412)',
};

/** Describes `error` in one line without a stack. System and Cloud Storage codes become text. */
export function describeError(error: unknown): string {
  if (error instanceof Fault) return error.message;
  if (!(error instanceof Error)) return oneLine(String(error));
  const code = codeOf(error);
  if (typeof code === 'string' && MESSAGE_BY_CODE[code] !== undefined) return MESSAGE_BY_CODE[code];
  const status = typeof code === 'number' ? code : typeof code === 'string' ? Number(code) : Number.NaN;
  const description = describeStatus(status);
  if (description !== undefined) return description;
  if (error.cause instanceof Error && codeOf(error.cause) !== undefined) return describeError(error.cause);
  return oneLine(error.message === '' ? error.name : error.message);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 500);
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}

function describeStatus(status: number): string | undefined {
  return status === 408 || status === 429 || status >= 500
    ? `Cloud Storage is unavailable (${status}), after several tries`
    : MESSAGE_BY_STATUS[status];
}

/** Returns a Fault with the message `what: reason`. */
export function faultIn(what: string, error: unknown): Fault {
  return new Fault(`${what}: ${describeError(error)}`, { cause: error });
}

/** Runs `work`; an error that it throws becomes a Fault in `what`. */
export function within<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw faultIn(what, error);
  }
}

/** As {@link within}, for work that is awaited. */
export async function withinAsync<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw faultIn(what, error);
  }
}

/** Quotes `name` for a message: control characters escaped, at most 200 characters. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
