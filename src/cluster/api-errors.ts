import { ApiException } from '@kubernetes/client-node';
import { AppError, DeadlineError, UnavailableError, UpstreamError } from '../errors.ts';
import { describeNetworkError, isTlsCode } from './network-error.ts';

/** What is being attempted, in the words of RBAC. */
export interface Attempt {
  readonly verb: 'create' | 'get' | 'list' | 'delete' | 'patch' | 'update';
  /** Plural, with its subresource: `jobs`, `pods/log`. */
  readonly resource: string;
  readonly apiGroup: string;
  readonly namespace: string;
  readonly name?: string;
  /** The answer may hold values of a Secret: nothing of its body is repeated. */
  readonly isSecret?: boolean;
}

/** A status other than 2xx, with what the Kubernetes Status object in the answer's body said. */
export interface Refusal {
  readonly status: number;
  readonly reason: string | undefined;
  /** Status.message; never of an answer that is not a Status object. */
  readonly message: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Whether a Status object said so: the API server itself, and nothing on the way to it. */
  readonly isStatus: boolean;
  /** Status.details.causes: what is wrong with which field. */
  readonly causes?: readonly StatusCause[];
}

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

interface StatusObject {
  readonly isStatus: boolean;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly causes?: readonly StatusCause[];
}

const BUILT_IN: ReadonlySet<string> = new Set(['', 'apps', 'batch', 'coordination.k8s.io', 'discovery.k8s.io']);

/** The refusal that a generated client threw, or `null` when the error is of another kind. */
export function readRefusal(error: unknown): Refusal | null {
  if (!(error instanceof ApiException)) return null;
  return { status: error.code, ...parseStatus(error.body), retryAfterMs: parseRetryAfter(error.headers) };
}

function parseStatus(body: unknown): StatusObject {
  const none = { isStatus: false, reason: undefined, message: undefined };
  if (typeof body !== 'string') return none;
  try {
    const status: unknown = JSON.parse(body);
    if (typeof status !== 'object' || status === null || !('kind' in status) || status.kind !== 'Status') return none;
    return {
      isStatus: true,
      reason: 'reason' in status && typeof status.reason === 'string' ? status.reason : undefined,
      message: 'message' in status && typeof status.message === 'string' ? status.message : undefined,
      causes: parseCauses(status),
    };
  } catch {
    return none;
  }
}

function parseCauses(status: object): readonly StatusCause[] {
  const details = 'details' in status ? status.details : undefined;
  if (typeof details !== 'object' || details === null || !('causes' in details)) return [];
  if (!Array.isArray(details.causes)) return [];
  return details.causes
    .filter((cause): cause is object => typeof cause === 'object' && cause !== null)
    .map((cause) => ({
      reason: textOf(cause, 'reason'),
      message: textOf(cause, 'message'),
      field: textOf(cause, 'field'),
    }));
}

function textOf(object: object, key: string): string {
  const value = new Map<string, unknown>(Object.entries(object)).get(key);
  return typeof value === 'string' ? value : '';
}

function parseRetryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const seconds = headers['retry-after'];
  return seconds !== undefined && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : undefined;
}

/**
 * Whether a 404 says nothing of the object: a front end that does not find the cluster answers so, and an address that is
 * no Kubernetes API. Taken for the object's absence, a Job that runs would count as gone. The API server's own 404
 * without a Status is that of a kind that it does not serve, which only kinds beyond its own groups may be.
 */
export function isForeignNotFound({ apiGroup }: Attempt, { status, isStatus }: Refusal): boolean {
  return status === 404 && !isStatus && BUILT_IN.has(apiGroup);
}

/** Whether the same call may end otherwise a moment later. */
export function isTransient({ status, reason }: Refusal): boolean {
  return status === 429 || status >= 500 || (status === 409 && reason === 'Conflict');
}

/** `get jobs ns/name`, for messages. */
export function describeAttempt({ verb, resource, namespace, name }: Attempt): string {
  return name === undefined
    ? `${verb} ${resource} in namespace ${namespace}`
    : `${verb} ${resource} ${namespace}/${name}`;
}

/** The error to throw for a refusal that is no outcome of the call. `where` names the cluster. */
export function translateRefusal(attempt: Attempt, refusal: Refusal, where: string): AppError {
  const details = { upstreamStatus: refusal.status };
  const what = `Could not ${describeAttempt(attempt)}: ${where} answered ${quoteAnswer(attempt, refusal)}`;
  if (isTransient(refusal)) return new UnavailableError(`${what}. This may pass; try again.`, { details });
  if (refusal.status === 403) return translateForbidden(attempt, refusal, where);
  if (refusal.status !== 401) return new UpstreamError(what, { details });
  return new UpstreamError(
    `Could not ${describeAttempt(attempt)}: ${where} does not accept our token (401), a fresh one neither. Check that this is the cluster meant, that the service account is enabled, and that the clock is right; a kubeconfig’s token may have expired.`,
    { details },
  );
}

/** Of an answer about Secrets only a reason that is one word is repeated. */
function quoteAnswer({ isSecret = false }: Attempt, { status, reason, message }: Refusal): string {
  const said = isSecret ? /^[A-Za-z]{1,40}$/.exec(reason ?? '')?.[0] : (message ?? reason);
  return said === undefined ? String(status) : `${status}: ${said}`;
}

function translateForbidden(attempt: Attempt, refusal: Refusal, where: string): UpstreamError {
  const { verb, resource, apiGroup, namespace, name } = attempt;
  const subject = parseSubject(refusal.message);
  if (subject === undefined) {
    return new UpstreamError(
      `Could not ${describeAttempt(attempt)}: ${where} answered ${quoteAnswer(attempt, refusal)}`,
      {
        details: { upstreamStatus: 403, verb, resource, namespace, ...(name !== undefined && { name }) },
      },
    );
  }
  const group = apiGroup === '' ? 'the core API group' : `API group ${apiGroup}`;
  return new UpstreamError(
    `Could not ${describeAttempt(attempt)}: user "${subject}" may not ${verb} ${resource} (${group}) in namespace ${namespace}. Bind a Role with that rule to it (infra/kubernetes).${explainNumericUser(subject)}`,
    { details: { upstreamStatus: 403, verb, resource, namespace, subject, ...(name !== undefined && { name }) } },
  );
}

/** The user that RBAC named, as in `User "x" cannot get resource "jobs" in API group "batch" in the namespace "ns"`. */
function parseSubject(message: string | undefined): string | undefined {
  return /User "([^"]{1,300})" cannot /.exec(message ?? '')?.[1];
}

/** https://github.com/kubernetes/kubernetes/issues/58141 */
function explainNumericUser(subject: string): string {
  return /^\d{21}$/.test(subject)
    ? ' The number is a service account’s unique id: its token lacks the scope https://www.googleapis.com/auth/userinfo.email, without which no RoleBinding to its email matches. Give the token that scope, or bind the number.'
    : '';
}

/** The error to throw when there was no answer, or none that is a Kubernetes API's. Ours pass through. */
export function translateFailure(attempt: Attempt, error: unknown, where: string): AppError {
  if (error instanceof AppError) return error;
  const { code, text, cause } = describeNetworkError(error);
  // Without a code the answer came, but could not be read. A parser's message quotes what it read: only its name is told.
  const what =
    code === undefined
      ? `${where} gave an answer that could not be read (${error instanceof Error ? error.name : 'no error'})`
      : `${where} could not be reached, or did not answer (${text})`;
  const advice = isTlsCode(code)
    ? ' Check that the CA configured is this cluster’s own; the DNS endpoint and Connect Gateway have public certificates and need none.'
    : '';
  return new UnavailableError(`Could not ${describeAttempt(attempt)}: ${what}.${advice}`, { cause });
}

/** The error to throw when our deadline passed, or the caller's signal ended the call. */
export function translateDeadline(attempt: Attempt, where: string, elapsedMs: number): DeadlineError {
  return new DeadlineError(
    `Could not ${describeAttempt(attempt)}: no answer from ${where} after ${Math.round(elapsedMs)} ms.`,
  );
}
