/** An answer of the JSON API other than success: `reason` as in https://cloud.google.com/storage/docs/json_api/v1/status-codes */
export class GcsError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, reason: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'GcsError';
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }
}

/** 400 */
export function badRequest(message: string, reason = 'invalid'): GcsError {
  return new GcsError(400, reason, message);
}

/** 404 with the message by which clients distinguish a missing bucket from a missing object. */
export function bucketNotFound(): GcsError {
  return new GcsError(404, 'notFound', 'The specified bucket does not exist.');
}

/** 404 */
export function objectNotFound(bucket: string, name: string): GcsError {
  return new GcsError(404, 'notFound', `No such object: ${bucket}/${name}`);
}

/** 412 */
export function preconditionFailed(): GcsError {
  return new GcsError(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
}

/** 304 */
export function notModified(): GcsError {
  return new GcsError(304, 'notModified', 'Not Modified');
}

/** 501 for what the real service supports and this one does not, instead of a wrong answer. */
export function notImplemented(what: string): GcsError {
  return new GcsError(501, 'notImplemented', `The local Cloud Storage does not support ${what}.`);
}

/** The body of an error answer. */
export function buildErrorBody(error: GcsError): string {
  return JSON.stringify({
    error: {
      code: error.status,
      message: error.message,
      errors: [{ message: error.message, domain: 'global', reason: error.reason }],
    },
  });
}
