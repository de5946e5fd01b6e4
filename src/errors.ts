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

const MAX_ISSUES_IN_MESSAGE = 10;

/** One error for all `issues`. The first ten are in its message too. */
export function invalidInput(issues: readonly Issue[], subject = 'The values are'): InvalidRequestError {
  const shown = issues
    .slice(0, MAX_ISSUES_IN_MESSAGE)
    .map(({ path, message }) => (path === '' ? message : `${path} ${message}`));
  const rest = issues.length - shown.length;
  return new InvalidRequestError(
    `${subject} not valid: ${shown.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`,
    issues,
  );
}

/** The caller is not permitted to do this. The message names the setting that would permit it. */
export class ForbiddenError extends errorOf(403, 'forbidden', 'The caller may not do this') {}

/** The body or a document exceeds the size limit. */
export class TooLargeError extends errorOf(413, 'too-large', 'The request is too large') {}

/** The content encoding or charset is not supported. */
export class UnsupportedMediaError extends errorOf(
  415,
  'unsupported-media-type',
  'The media type of the request is not supported',
) {}

/** The requested object does not exist. */
export class NotFoundError extends errorOf(404, 'not-found', 'Not found') {}

/** The path exists, but does not support the method. */
export class MethodNotAllowedError extends errorOf(405, 'method-not-allowed', 'Method not allowed') {}

/** The identity is in use with other content. `details.conflicts` names the fields that differ. */
export class ConflictError extends errorOf<string>(409, 'conflict', 'Conflict') {}

/** Other calls kept changing the state, so no decision was recorded. The same call may succeed later. */
export class ContentionError extends errorOf(503, 'contention', 'The state changed too often during the request') {
  override readonly retryable = true;
}

/** A Secret or key that is required before anything is written does not exist: `details.missing`. */
export class PreflightError extends errorOf(424, 'missing-secrets', 'Secrets or keys are missing') {}

/** Kubernetes or Google Cloud rejected a call with 400, 401, 403, 404 or 422. A retry would have the same result. */
export class UpstreamError extends errorOf<string>(
  502,
  'upstream-refused',
  'Kubernetes or Google Cloud rejected the call',
) {}

/** Kubernetes or Google Cloud could not be reached, or responded with 429 or 5xx. A write may have been carried out. */
export class UnavailableError extends errorOf(503, 'unavailable', 'Kubernetes or Google Cloud is unavailable') {
  override readonly retryable = true;
}

/** The deadline of the call or the request passed. A write may have been carried out. */
export class DeadlineError extends errorOf(504, 'deadline', 'The deadline passed') {
  override readonly retryable = true;
}

function errorOf<Code extends string>(httpStatus: number, errorCode: Code, errorTitle: string) {
  abstract class KnownError extends AppError {
    override readonly status = httpStatus;
    override readonly code: Code = errorCode;
    override readonly title = errorTitle;
  }
  return KnownError;
}

/** Whether a write that failed with this error may have been carried out. */
export function isAmbiguous(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof DeadlineError;
}
