export interface AppErrorOptions {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Headers of the HTTP response, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The errors that are reported to the caller. Any other error is a bug: the response is 500 and contains no detail.
 *
 * `retryable`: the same call may succeed later. Only then is an event delivered again.
 * `details` become members of the problem document. They may contain names of Secrets and keys, never their values.
 */
export abstract class AppError extends Error {
  abstract readonly status: number;
  abstract readonly code: string;
  abstract readonly title: string;
  readonly retryable: boolean = false;
  readonly details: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.details = options.details ?? {};
    this.headers = options.headers ?? {};
  }
}

/** One fault of an input: the path (such as `aggregator.tag`), the problem, and what is expected. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** The request, event or values document is invalid. `details.issues` contains every {@link Issue}. */
export class InvalidRequestError extends AppError {
  override readonly status: number = 400;
  override readonly code = 'invalid-request';
  override readonly title = 'The request is not valid';
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[] = [], options: AppErrorOptions = {}) {
    super(message, { ...options, details: { ...options.details, ...(issues.length > 0 && { issues }) } });
    this.issues = issues;
  }
}

/** The caller is not permitted to do this. The message names the setting that would permit it. */
export class ForbiddenError extends AppError {
  override readonly status = 403;
  override readonly code = 'forbidden';
  override readonly title = 'The caller may not do this';
}

/** The body or a document exceeds the size limit. */
export class TooLargeError extends AppError {
  override readonly status = 413;
  override readonly code = 'too-large';
  override readonly title = 'The request is too large';
}

/** The content encoding or charset is not supported. */
export class UnsupportedMediaError extends AppError {
  override readonly status = 415;
  override readonly code = 'unsupported-media-type';
  override readonly title = 'The media type of the request is not supported';
}

/** The requested object does not exist. */
export class NotFoundError extends AppError {
  override readonly status = 404;
  override readonly code = 'not-found';
  override readonly title = 'Not found';
}

/** The path exists, but does not support the method. */
export class MethodNotAllowedError extends AppError {
  override readonly status = 405;
  override readonly code = 'method-not-allowed';
  override readonly title = 'Method not allowed';
}

/** The identity is in use with other content. `details.conflicts` names the fields that differ. */
export class ConflictError extends AppError {
  override readonly status = 409;
  override readonly code: string = 'conflict';
  override readonly title = 'Conflict';
}

/** Other calls kept changing the state, so no decision was recorded. The same call may succeed later. */
export class ContentionError extends AppError {
  override readonly status = 503;
  override readonly code = 'contention';
  override readonly title = 'The state changed too often during the request';
  override readonly retryable = true;
}

/** A Secret or key that is required before anything is written does not exist: `details.missing`. */
export class PreflightError extends AppError {
  override readonly status = 424;
  override readonly code = 'missing-secrets';
  override readonly title = 'Secrets or keys are missing';
}

/** Kubernetes or Google Cloud rejected a call with 400, 401, 403, 404 or 422. A retry would have the same result. */
export class UpstreamError extends AppError {
  override readonly status = 502;
  override readonly code: string = 'upstream-refused';
  override readonly title = 'Kubernetes or Google Cloud rejected the call';
}

/** Kubernetes or Google Cloud could not be reached, or responded with 429 or 5xx. A write may have been carried out. */
export class UnavailableError extends AppError {
  override readonly status = 503;
  override readonly code = 'unavailable';
  override readonly title = 'Kubernetes or Google Cloud is unavailable';
  override readonly retryable = true;
}

/** The deadline of the call or the request passed. A write may have been carried out. */
export class DeadlineError extends AppError {
  override readonly status = 504;
  override readonly code = 'deadline';
  override readonly title = 'The deadline passed';
  override readonly retryable = true;
}

/** Whether a write that failed with this error may have been carried out. */
export function isAmbiguous(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof DeadlineError;
}
