import { AppError, ConflictError } from '../errors.ts';
import type { AppErrorOptions, Issue } from '../errors.ts';

/** Another call holds the Lease of the release; `details` has `holder` and `since`. */
export class BusyError extends ConflictError {
  override readonly code = 'busy';
}

/** `DELETE /<release>/operations/current` cancelled this call. */
export class CancelledError extends ConflictError {
  override readonly code = 'cancelled';
}

/** An object with a name of the release exists, belongs to another owner, and must not be adopted. */
export class OwnedByOtherError extends ConflictError {
  override readonly code = 'owned-by-other';
}

/** The values are well-formed but cannot be deployed as this release. Nothing was changed. */
export class InvalidReleaseError extends AppError {
  override readonly status = 422;
  override readonly code: string = 'invalid';
  override readonly title: string = 'The release cannot be deployed';
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[], options: AppErrorOptions = {}) {
    super(`The release is not valid: ${issues.slice(0, 10).map(describe).join('; ')}.`, withIssues(options, issues));
    this.issues = issues;
  }
}

/** The release would change an immutable field. Nothing was changed. */
export class ImmutableError extends InvalidReleaseError {
  override readonly code = 'immutable';
  override readonly title = 'The release would change an immutable field';
}

/**
 * The release was applied and did not become ready; `details.outcome` is the state after the rollback. The status is one
 * that no client repeats: `curl --retry` repeats 408, 429, 500, 502, 503 and 504, and the same values would fail again.
 */
export class ReleaseFailedError extends AppError {
  override readonly status = 422;
  override readonly code: string;
  override readonly title = 'The release failed';

  constructor(outcome: 'rolled-back' | 'rollback-failed' | 'failed', message: string, options: AppErrorOptions) {
    super(message, options);
    this.code = outcome;
  }
}

function describe({ path, message }: Issue): string {
  return path === '' ? message : `${path}: ${message}`;
}

function withIssues(options: AppErrorOptions, issues: readonly Issue[]): AppErrorOptions {
  return {
    ...options,
    details: { ...options.details, issues },
  };
}
