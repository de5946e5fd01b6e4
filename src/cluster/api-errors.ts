import { ApiException } from '@kubernetes/client-node/dist/gen/apis/exception.js';
import * as z from 'zod';
import { AppError, DeadlineError, UnavailableError, UpstreamError } from '../errors.ts';
import { isTransientStatus, parseRetryAfter } from '../upstream/call.ts';
import { describeNetworkError, isTlsCode } from '../upstream/network-error.ts';

/** The operation of a call, in the terms of RBAC. */
export interface Operation {
  readonly verb: 'create' | 'get' | 'list' | 'delete' | 'patch' | 'update';
  /** Plural, with the subresource: `jobs`, `pods/log`. */
  readonly resource: string;
  readonly apiGroup: string;
  readonly namespace: string;
  readonly name?: string;
  /** The response may contain values of a Secret: nothing from its body is repeated. */
  readonly isSecret?: boolean;
}

/** A response with a status other than 2xx, and the fields of the Kubernetes Status object in its body. */
export interface Refusal {
  readonly status: number;
  readonly reason: string | undefined;
  /** Status.message; `undefined` for a body that is not a Status object. */
  readonly message: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Whether the body is a Status object: the API server itself answered, not a proxy in front of it. */
  readonly isStatus: boolean;
  /** Status.details.causes: the faults, field by field. */
  readonly causes?: readonly z.infer<typeof CauseSchema>[];
}

const text = z.string().optional().catch(undefined);
const CauseSchema = z.object({
  reason: z.string().catch(''),
  message: z.string().catch(''),
  field: z.string().catch(''),
});
/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
const StatusSchema = z.object({
  kind: z.literal('Status'),
  reason: text,
  message: text,
  details: z
    .object({ causes: z.array(CauseSchema) })
    .optional()
    .catch(undefined),
});

const BUILT_IN: ReadonlySet<string> = new Set(['', 'apps', 'batch', 'coordination.k8s.io', 'discovery.k8s.io']);

/** The refusal that a generated client threw, or `null` for any other error. */
export function readRefusal(error: unknown): Refusal | null {
  if (!(error instanceof ApiException)) return null;
  return { status: error.code, ...parseStatus(error.body), retryAfterMs: parseRetryAfter(error.headers) };
}

function parseStatus(body: unknown): Pick<Refusal, 'isStatus' | 'reason' | 'message' | 'causes'> {
  const status = StatusSchema.safeParse(parseJson(body)).data;
  if (status === undefined) return { isStatus: false, reason: undefined, message: undefined };
  return { isStatus: true, reason: status.reason, message: status.message, causes: status.details?.causes ?? [] };
}

function parseJson(body: unknown): unknown {
  try {
    return typeof body === 'string' ? JSON.parse(body) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a 404 says nothing about the object: a front end that does not find the cluster answers so, and so does an
 * address that is not a Kubernetes API. Read as the object's absence, it would make a running Job count as gone. The API
 * server's own 404 has no Status only for a kind that it does not serve, which cannot be one of the built-in groups.
 */
export function isForeignNotFound({ apiGroup }: Operation, { status, isStatus }: Refusal): boolean {
  return status === 404 && !isStatus && BUILT_IN.has(apiGroup);
}

/** Whether the same request may succeed later. */
export function isTransient({ status, reason }: Refusal): boolean {
  return isTransientStatus(status) || (status === 409 && reason === 'Conflict');
}

/** `get jobs ns/name`, for messages. */
export function describeOperation({ verb, resource, namespace, name }: Operation): string {
  return name === undefined
    ? `${verb} ${resource} in namespace ${namespace}`
    : `${verb} ${resource} ${namespace}/${name}`;
}

/** The error for a refusal that is not an outcome of the call. `where` names the cluster. */
export function translateRefusal(operation: Operation, refusal: Refusal, where: string): AppError {
  const details = { upstreamStatus: refusal.status };
  const what = `Could not ${describeOperation(operation)}: ${where} answered ${quoteAnswer(operation, refusal)}`;
  if (isTransient(refusal)) return new UnavailableError(`${what}. This may be temporary; try again.`, { details });
  if (refusal.status === 403) return translateForbidden(operation, refusal, what);
  if (refusal.status !== 401) return new UpstreamError(what, { details });
  return new UpstreamError(
    `Could not ${describeOperation(operation)}: ${where} rejected the access token, and a fresh one too (401). Check that this is the intended cluster, that the service account is enabled, and that the clock is right; the token of a kubeconfig may have expired.`,
    { details },
  );
}

/** For a Secret only a reason of one word is repeated. */
function quoteAnswer({ isSecret = false }: Operation, { status, reason, message }: Refusal): string {
  const text = isSecret ? /^[A-Za-z]{1,40}$/.exec(reason ?? '')?.[0] : (message ?? reason);
  return text === undefined ? String(status) : `${status}: ${text}`;
}

function translateForbidden(operation: Operation, refusal: Refusal, what: string): UpstreamError {
  const { verb, resource, apiGroup, namespace, name } = operation;
  const details = { upstreamStatus: 403, verb, resource, namespace, ...(name !== undefined && { name }) };
  const subject = parseSubject(refusal.message);
  if (subject === undefined) return new UpstreamError(what, { details });
  const group = apiGroup === '' ? 'the core API group' : `API group ${apiGroup}`;
  return new UpstreamError(
    `Could not ${describeOperation(operation)}: user "${subject}" may not ${verb} ${resource} (${group}) in namespace ${namespace}. Bind a Role with that rule to the user (infra/kubernetes).${explainNumericUser(subject)}`,
    { details: { ...details, subject } },
  );
}

/** The user in an RBAC message such as `User "x" cannot get resource "jobs" in API group "batch" in the namespace "ns"`. */
function parseSubject(message: string | undefined): string | undefined {
  return /User "([^"]{1,300})" cannot /.exec(message ?? '')?.[1];
}

/** https://github.com/kubernetes/kubernetes/issues/58141 */
function explainNumericUser(subject: string): string {
  return /^\d{21}$/.test(subject)
    ? ' The number is the unique ID of a service account: its token lacks the scope https://www.googleapis.com/auth/userinfo.email, without which no RoleBinding to its email matches. Add that scope to the token, or bind the number.'
    : '';
}

/** The error for a request without a response, or with a response that is not from a Kubernetes API. */
export function translateFailure(operation: Operation, error: unknown, where: string): AppError {
  if (error instanceof AppError) return error;
  const { code, text, cause } = describeNetworkError(error);
  // Without a code there was a response that could not be read. A parser's message quotes its input: only its name is used.
  const what =
    code === undefined
      ? `${where} sent a response that could not be read (${error instanceof Error ? error.name : 'no error'})`
      : `${where} could not be reached, or did not answer (${text})`;
  const advice = isTlsCode(code)
    ? ' Check that the configured CA is that of this cluster; the DNS endpoint and Connect Gateway have public certificates and need none.'
    : '';
  return new UnavailableError(`Could not ${describeOperation(operation)}: ${what}.${advice}`, { cause });
}

/** The error for a call that its deadline, or the caller's signal, ended. */
export function translateDeadline(operation: Operation, where: string, elapsedMs: number): DeadlineError {
  return new DeadlineError(
    `Could not ${describeOperation(operation)}: no answer from ${where} after ${Math.round(elapsedMs)} ms.`,
  );
}
