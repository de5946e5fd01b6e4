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
export const badRequest = (message: string, reason = 'invalid'): GcsError => new GcsError(400, reason, message);

/** 404 in the words by which clients tell a missing bucket from a missing object. */
export const bucketNotFound = (): GcsError => new GcsError(404, 'notFound', 'The specified bucket does not exist.');

/** 404 */
export const objectNotFound = (bucket: string, name: string): GcsError =>
  new GcsError(404, 'notFound', `No such object: ${bucket}/${name}`);

/** 412 */
export const preconditionFailed = (): GcsError =>
  new GcsError(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');

/** 304 */
export const notModified = (): GcsError => new GcsError(304, 'notModified', 'Not Modified');

/** The real service may do this; this one does not, and says so rather than answer wrongly. */
export const notImplemented = (what: string): GcsError =>
  new GcsError(501, 'notImplemented', `The local Cloud Storage does not support ${what}.`);

/** The body of an error answer. */
export const buildErrorBody = (error: GcsError): string =>
  JSON.stringify({
    error: {
      code: error.status,
      message: error.message,
      errors: [{ message: error.message, domain: 'global', reason: error.reason }],
    },
  });
