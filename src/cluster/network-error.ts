/** What is known of a request that got no answer. */
export interface NetworkError {
  /** Such as `ECONNREFUSED`, `CERT_HAS_EXPIRED`, `UND_ERR_SOCKET`. */
  readonly code: string | undefined;
  /** For a message: what happened, with the code. */
  readonly text: string;
  /** The error by name, code and message only: undici and gaxios hang bodies, headers and certificates on theirs. */
  readonly cause: Error | undefined;
}

/** The connection was not made: nothing was sent, so nothing was carried out, and the address may be stale. */
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

/** Whether the code says that no connection could be made, or that the server could not prove who it is. */
export function isNotConnected(code: string | undefined): boolean {
  return code !== undefined && (NOT_CONNECTED.has(code) || TLS_CODE.test(code));
}

/** Whether the code is one of TLS, such as a certificate that does not verify. */
export function isTlsCode(code: string | undefined): boolean {
  return code !== undefined && TLS_CODE.test(code);
}

/** Code and words of a request that got no answer, with nothing of what was sent or received. */
export function describeNetworkError(error: unknown): NetworkError {
  const coded = findCoded(error);
  if (coded === undefined) return { code: undefined, text: 'no answer', cause: undefined };
  const code = readCode(coded);
  const message = coded.message === '' ? String(code) : coded.message;
  const cause = Object.assign(new Error(message), { name: coded.name, code });
  return { code, text: message.includes(String(code)) ? message : `${message}, ${code}`, cause };
}

/** The error, or the first one below it, that has a code: fetch and happy-eyeballs wrap the one that tells. */
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
