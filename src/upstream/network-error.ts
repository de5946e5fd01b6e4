/** What is known about a request that got no answer. */
export interface NetworkError {
  /** For example `ECONNREFUSED`, `CERT_HAS_EXPIRED` or `UND_ERR_SOCKET`. */
  readonly code: string | undefined;
  /** For a message: what happened, with the code. */
  readonly text: string;
  /** Name, code and message only: undici and gaxios attach bodies, headers and certificates to their errors. */
  readonly cause: Error | undefined;
}

/** No connection was made: the request was not sent, so it had no effect, and the address may be outdated. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Codes of OpenSSL's verification and Node's TLS: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const TLS_CODE =
  /^(CERT_|CRL_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|ERROR_IN_CERT_)/;

/** Whether the code means that no connection was made, or that the server could not prove its identity. */
export function isNotConnected(code: string | undefined): boolean {
  return code !== undefined && (NOT_CONNECTED.has(code) || TLS_CODE.test(code));
}

/** Whether the code is a TLS error, such as a certificate that does not verify. */
export function isTlsCode(code: string | undefined): boolean {
  return code !== undefined && TLS_CODE.test(code);
}

/** Code and message of a request that got no answer, without anything that was sent or received. */
export function describeNetworkError(error: unknown): NetworkError {
  const coded = findCoded(error);
  if (coded === undefined) return { code: undefined, text: 'no answer', cause: undefined };
  const code = readCode(coded);
  const message = coded.message === '' ? String(code) : coded.message;
  const cause = Object.assign(new Error(message), { name: coded.name, code });
  return { code, text: message.includes(String(code)) ? message : `${message}, ${code}`, cause };
}

/** The error with a code, or the first such error below it: fetch and happy-eyeballs wrap the original error. */
function findCoded(error: unknown, depth = 0): Error | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined;
  const code = readCode(error);
  if (code !== undefined) return error;
  const below = error instanceof AggregateError ? error.errors : [error.cause];
  for (const each of below) {
    const found = findCoded(each, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readCode(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
