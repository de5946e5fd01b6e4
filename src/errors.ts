/**
 * The errors a caller can be told of. Whatever else is thrown is a bug and is answered 500 with a bland body.
 *
 * `retryable` says whether the same call, unchanged, may end otherwise: an event is redelivered only then.
 * `details` is for the caller (problem+json members): names of Secrets and keys may stand there, their values never.
 */
export interface AppErrorOptions {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Headers of the HTTP answer, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
}

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

/** One thing wrong with an input: where (a path such as `aggregator.tag`), what, and what would be right. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** The request, event or values document itself is at fault. `details.issues` holds every {@link Issue} found. */
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

/** The caller may not do this, whatever the state of the system; the message names the setting that would permit it. */
export class ForbiddenError extends AppError {
  override readonly status = 403;
  override readonly code = 'forbidden';
  override readonly title = 'The caller may not do this';
}

/** The body is larger than this service reads. */
export class TooLargeError extends AppError {
  override readonly status = 413;
  override readonly code = 'too-large';
  override readonly title = 'The request is too large';
}

/** The body's content encoding or charset is not one this service reads. */
export class UnsupportedMediaError extends AppError {
  override readonly status = 415;
  override readonly code = 'unsupported-media-type';
  override readonly title = 'The request is in a form this service does not read';
}

/** What was asked for is not there. */
export class NotFoundError extends AppError {
  override readonly status = 404;
  override readonly code = 'not-found';
  override readonly title = 'Not found';
}

/** The path exists, the method does not. */
export class MethodNotAllowedError extends AppError {
  override readonly status = 405;
  override readonly code = 'method-not-allowed';
  override readonly title = 'Method not allowed';
}

/** The same identity stands for something else already; `details.conflicts` names the fields that differ. */
export class ConflictError extends AppError {
  override readonly status = 409;
  override readonly code: string = 'conflict';
  override readonly title = 'Conflict';
}

/** State kept changing under us: nothing was decided, the same call again may succeed. */
export class ContentionError extends AppError {
  override readonly status = 503;
  override readonly code = 'contention';
  override readonly title = 'State changed too often while this was being decided';
  override readonly retryable = true;
}

/** Something that must be there before anything is written is not: `details.missing`. */
export class PreflightError extends AppError {
  override readonly status = 424;
  override readonly code = 'missing-secrets';
  override readonly title = 'Secrets or keys are missing';
}

/** Kubernetes or Google Cloud answered, and refused: 400, 401, 403, 404, 422. A retry changes nothing. */
export class UpstreamError extends AppError {
  override readonly status = 502;
  override readonly code: string = 'upstream-refused';
  override readonly title = 'Kubernetes or Google Cloud refused';
}

/** Kubernetes or Google Cloud could not be reached, or answered 429 or 5xx. A write may have been carried out. */
export class UnavailableError extends AppError {
  override readonly status = 503;
  override readonly code = 'unavailable';
  override readonly title = 'Kubernetes or Google Cloud is unavailable';
  override readonly retryable = true;
}

/** Our own deadline passed. A write may have been carried out. */
export class DeadlineError extends AppError {
  override readonly status = 504;
  override readonly code = 'deadline';
  override readonly title = 'No answer in time';
  override readonly retryable = true;
}

/** Whether a write that ended in this error may have been carried out all the same. */
export function isAmbiguous(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof DeadlineError;
}
