import { AppError, ConflictError } from '../errors.ts';
import type { AppErrorOptions, Issue } from '../errors.ts';

/** Another call works on the release; `details.holder` and `details.since` tell who and since when. */
export class BusyError extends ConflictError {
  override readonly code = 'busy';
}

/** An object of the release's names is there, and neither ours nor to be adopted. */
export class OwnedByOtherError extends ConflictError {
  override readonly code = 'owned-by-other';
}

/** The values are well-formed, and this release cannot be deployed from them; nothing was changed. */
export class InvalidReleaseError extends AppError {
  override readonly status = 422;
  override readonly code: string = 'invalid';
  override readonly title: string = 'The release cannot be deployed as asked';
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[], options: AppErrorOptions = {}) {
    super(`The release is not valid: ${issues.slice(0, 10).map(tell).join('; ')}.`, telling(options, issues));
    this.issues = issues;
  }
}

/** A field that Kubernetes lets nobody change has another value; nothing was changed. */
export class ImmutableError extends InvalidReleaseError {
  override readonly code = 'immutable';
  override readonly title = 'A field of the release cannot be changed any more';
}

/** The release was applied and did not become ready; `details.outcome` tells whether it was rolled back. */
export class ReleaseFailedError extends AppError {
  override readonly status = 502;
  override readonly code: string;
  override readonly title = 'The release failed';

  constructor(outcome: 'rolled-back' | 'rollback-failed' | 'failed', message: string, options: AppErrorOptions) {
    super(message, options);
    this.code = outcome;
  }
}

function tell({ path, message }: Issue): string {
  return path === '' ? message : `${path}: ${message}`;
}

function telling(options: AppErrorOptions, issues: readonly Issue[]): AppErrorOptions {
  return {
    ...options,
    details: { ...options.details, issues },
  };
}
