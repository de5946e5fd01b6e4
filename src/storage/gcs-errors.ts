import * as z from 'zod';
import type { AppError } from '../errors.ts';
import { DeadlineError, UnavailableError, UpstreamError } from '../errors.ts';
import { isTransientStatus } from '../upstream/call.ts';
import { describeNetworkError } from '../upstream/network-error.ts';
import type { GsUri } from './uri.ts';
import { formatGsUri } from './uri.ts';

/** The operation of a call. `uri.name` is the name of an object, or the prefix of a listing. */
export interface Operation {
  readonly verb: 'read' | 'stream' | 'write' | 'list';
  readonly uri: GsUri;
}

/** A response that is not an outcome of the call. */
export interface Refusal {
  readonly status: number;
  /** The message in the response, or ''. */
  readonly message: string;
  /** `error.errors[].reason` of a JSON API error, or ''. */
  readonly reason?: string;
}

/** A refusal that is not a missing permission. `reason` or `message` identifies it: a download's error is plain text. */
interface Cause {
  readonly reason: RegExp;
  readonly message: RegExp;
  readonly advice: string;
}

const PERMISSIONS = {
  read: 'storage.objects.get',
  stream: 'storage.objects.get',
  write: 'storage.objects.create, and storage.objects.delete to replace an object',
  list: 'storage.objects.list',
} as const;

/** https://cloud.google.com/storage/docs/json_api/v1/status-codes */
const CAUSES: readonly Cause[] = [
  {
    reason: /^retentionPolicyNotMet$/,
    message: /retention policy|object retention/i,
    advice:
      'A retention policy keeps the object from being replaced: remove it (gcloud storage buckets update BUCKET --clear-retention-period), or use a bucket without one.',
  },
  {
    reason: /^objectUnderActiveHold$/,
    message: /under active .*hold/i,
    advice:
      'A hold keeps the object from being replaced: release it (gcloud storage objects update OBJECT --no-temporary-hold --no-event-based-hold), and turn off the default event-based hold of the bucket.',
  },
  {
    reason: /^vpcServiceControls$/,
    message: /vpcServiceControlsUniqueIdentifier|prohibited by organization's policy/i,
    advice:
      'VPC Service Controls block the request, not IAM: add an ingress rule or an access level for the service account of the function to the perimeter. The identifier in the message finds the denial in the audit log.',
  },
  {
    reason: /^(accountDisabled|userProjectAccountProblem)$/,
    message: /billing account|to be billed|billing (is )?disabled/i,
    advice:
      'Billing is disabled for the project of BUCKET, or its billing account is closed: link an open billing account to the project.',
  },
  {
    reason: /^(userProjectMissing|authenticationRequiredRequesterPays|userProjectAccessDenied)$/,
    message: /requester pays/i,
    advice:
      'BUCKET has Requester Pays, which is not supported: turn it off (gcloud storage buckets update BUCKET --no-requester-pays).',
  },
  {
    reason: /^(usageLimits\.?accessNotConfigured|accessNotConfigured)$/i,
    message: /API has not been used in project|it is disabled\. Enable it/i,
    advice: 'Enable the Cloud Storage API in the project: gcloud services enable storage.googleapis.com',
  },
  {
    reason: /^(resourceIsEncryptedWithCustomerEncryptionKey|customerEncryptionKey|cloudKms)/i,
    message: /customer-supplied encryption key|cloud kms/i,
    advice:
      'The object is encrypted with a key that this service cannot use: customer-supplied keys are not supported; for a Cloud KMS key, grant the Cloud Storage service agent roles/cloudkms.cryptoKeyEncrypterDecrypter on an enabled key.',
  },
];

/** Reasons of a 403 that mean a rate limit; Cloud Storage sends most rate limits with 429. */
const RATE_LIMIT = /rateLimitExceeded|^quotaExceeded$/i;

const CREDENTIALS_ADVICE =
  'On Google Cloud give the function a service account; elsewhere run: gcloud auth application-default login';

/** Messages of the auth library for missing or invalid credentials: no request was sent. */
const NO_CREDENTIALS = /could not load the default credentials|unable to read the credential file|invalid_grant/i;

const MAX_QUOTE = 500;

/** `error` is a text in the answers of the token endpoint. */
const ErrorSchema = z.object({
  error: z.union([
    z.string().transform((message) => ({ message, errors: [] })),
    z.object({
      message: z.string().catch(''),
      errors: z.array(z.object({ reason: z.string() })).catch([]),
    }),
  ]),
});

/** The message and the first reason of a JSON API error, or the text of the response to a download. */
export function parseError(body: unknown): { readonly message: string; readonly reason: string } {
  const json = typeof body === 'string' ? parseJson(body) : body;
  const error = ErrorSchema.safeParse(json).data?.error;
  if (error !== undefined) {
    const { message, errors } = error;
    return { message: message.slice(0, MAX_QUOTE), reason: errors[0]?.reason ?? '' };
  }
  const text = typeof body === 'string' && json === undefined ? body : '';
  return {
    message: text
      .replaceAll(/<[^>]*>|\s+/g, ' ')
      .replaceAll(/ +/g, ' ')
      .trim()
      .slice(0, MAX_QUOTE),
    reason: '',
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error for a response that is not an outcome of the call. */
export function translateRefusal(operation: Operation, refusal: Refusal): AppError {
  const { status, message } = refusal;
  const details = { upstreamStatus: status };
  const text = message.replace(/\.+$/, '');
  const answered = `Could not ${quote(operation)}: Cloud Storage answered ${status}${text === '' ? '' : `: ${text}`}`;
  if (isTransientStatus(status))
    return new UnavailableError(`${answered}. This may be temporary; try again.`, { details });
  if (status === 403 && (RATE_LIMIT.test(refusal.reason ?? '') || /rate limit/i.test(message))) {
    return new UnavailableError(`${answered}. A rate limit was exceeded; this is temporary.`, { details });
  }
  const advice = status === 401 ? undefined : findAdvice(operation, refusal);
  if (advice !== undefined) return new UpstreamError(`${answered}. ${advice}`, { details });
  if (status === 403) return translateForbidden(operation, refusal);
  if (status === 404) {
    const hint = `The bucket gs://${operation.uri.bucket} does not exist, or its name is misspelt`;
    return new UpstreamError(`${answered}. ${hint}.`, { details: { ...details, bucket: operation.uri.bucket } });
  }
  if (status !== 401) return new UpstreamError(answered, { details });
  // The client library sends a request without credentials if it finds none.
  const credentials = /^anonymous caller/i.test(message)
    ? `There are no Google credentials. ${CREDENTIALS_ADVICE}`
    : 'The access token was rejected: check that the service account is enabled, and that the clock is right.';
  return new UpstreamError(`${answered}. ${credentials}`, { details });
}

function findAdvice({ uri }: Operation, { reason = '', message }: Refusal): string | undefined {
  const cause = CAUSES.find((each) => each.reason.test(reason) || each.message.test(message));
  return cause?.advice.replaceAll('BUCKET', `gs://${uri.bucket}`).replaceAll('OBJECT', formatGsUri(uri));
}

function quote({ verb, uri }: Operation): string {
  return `${verb} ${formatGsUri(uri)}`;
}

function translateForbidden(operation: Operation, { message }: Refusal): UpstreamError {
  const denied = parseDenied(message);
  const who = denied?.who ?? 'the service account of this function';
  const permission = denied?.permission ?? PERMISSIONS[operation.verb];
  const bucket = `gs://${operation.uri.bucket}`;
  const absent =
    operation.verb === 'list' || operation.verb === 'write'
      ? ''
      : ' Without storage.objects.list, an absent object is answered with 403 too.';
  return new UpstreamError(
    `Could not ${quote(operation)}: Cloud Storage answered 403${message === '' ? '' : ` (${message})`}. Grant ${who} ${permission} on ${bucket} (docs/deploying.md).${absent}`,
    {
      details: {
        upstreamStatus: 403,
        bucket: operation.uri.bucket,
        permission,
        ...(denied && { subject: denied.who }),
      },
    },
  );
}

/** From a message such as `sa@p.iam.gserviceaccount.com does not have storage.objects.get access to ...` */
function parseDenied(message: string): { who: string; permission: string } | null {
  const match = /^(\S{1,200}) does not have (storage\.[A-Za-z.]{1,80}) access/.exec(message);
  return match?.[1] === undefined || match[2] === undefined ? null : { who: match[1], permission: match[2] };
}

/** The error for a request without a response, or with one that broke off. */
export function translateFailure(operation: Operation, error: unknown): AppError {
  const message = error instanceof Error ? error.message : String(error);
  const { code, text, cause = new Error(message) } = describeNetworkError(error);
  if (NO_CREDENTIALS.test(message)) {
    const why = message.slice(0, MAX_QUOTE).replace(/\.+$/, '');
    return new UpstreamError(`Could not ${quote(operation)}: ${why}. ${CREDENTIALS_ADVICE}`, { cause });
  }
  const why = (code === undefined ? message : text).slice(0, MAX_QUOTE);
  return new UnavailableError(
    `Could not ${quote(operation)}: Cloud Storage could not be reached, or its response broke off (${why}).`,
    { cause },
  );
}

/** The error for an object whose stored bytes are encoded: neither Cloud Storage nor the client decodes them. */
export function translateEncoded(operation: Operation, encoding: string): UpstreamError {
  return new UpstreamError(
    `Could not ${quote(operation)}: the object is stored with Content-Encoding ${encoding.slice(0, 40)} and would be delivered encoded. Upload it again without Content-Encoding, or with gzip and without Cache-Control no-transform.`,
  );
}

/** Parses a response. A response that cannot be parsed may come from a proxy, and the request is sent again. */
export function parseAnswer<T>(operation: Operation, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw translateUnreadable(operation, `the response cannot be read: ${error.message}`);
  }
}

/** The error for a complete response that is not one of Cloud Storage. */
export function translateUnreadable(operation: Operation, what: string): UnavailableError {
  return new UnavailableError(`Could not ${quote(operation)}: ${what}. This may be temporary; try again.`);
}

/** The error for a call that its deadline (after `elapsedMs`), or the caller's signal, ended. */
export function translateDeadline(operation: Operation, elapsedMs: number, cause: unknown): DeadlineError {
  return new DeadlineError(
    `Could not ${quote(operation)}: no answer from Cloud Storage after ${Math.round(elapsedMs)} ms.`,
    { cause },
  );
}
