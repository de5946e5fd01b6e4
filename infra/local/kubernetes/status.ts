import type { Fields } from './json.ts';

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** How errors name a resource: by its plural in most, by its kind where validation speaks. */
export interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

/** An answer other than success, in Kubernetes' own form (`kind: Status`). */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: StatusDetails | undefined;
  readonly metadata: Fields;

  constructor(
    code: number,
    reason: string | undefined,
    message: string,
    details?: StatusDetails,
    metadata: Fields = {},
  ) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.metadata = metadata;
  }

  /** The body of the answer. */
  toStatus(): Fields {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.metadata,
      status: 'Failure',
      message: this.message,
      ...(this.reason !== undefined && { reason: this.reason }),
      ...(this.details !== undefined && { details: this.details }),
      code: this.code,
    };
  }
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export function notFound(resource: Named, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

function qualified(resource: Named): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: Named, name: string): StatusDetails {
  return {
    ...(name !== '' && { name }),
    ...(resource.group !== '' && { group: resource.group }),
    kind: resource.plural,
  };
}

/** The path names no resource that is served. */
export function noSuchResource(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

export function alreadyExists(resource: Named, name: string): StatusError {
  return new StatusError(
    409,
    'AlreadyExists',
    `${qualified(resource)} "${name}" already exists`,
    detailsOf(resource, name),
  );
}

export function conflict(resource: Named, name: string, because: string): StatusError {
  return new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${because}`,
    detailsOf(resource, name),
  );
}

export function modified(resource: Named, name: string): StatusError {
  return conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}

export function forbidden(resource: Named, name: string, because: string, causes: readonly Cause[] = []): StatusError {
  return new StatusError(403, 'Forbidden', `${qualified(resource)} "${name}" is forbidden: ${because}`, {
    ...detailsOf(resource, name),
    ...(causes.length > 0 && { causes }),
  });
}

/** 422 with one cause per fault, worded as field.ErrorList words it. */
export function invalid(kind: string, group: string, name: string, causes: readonly Cause[]): StatusError {
  const sentences = causes.map((cause) =>
    cause.field === undefined ? cause.message : `${cause.field}: ${cause.message}`,
  );
  const all = sentences.length === 1 ? (sentences[0] ?? '') : `[${sentences.join(', ')}]`;
  return new StatusError(422, 'Invalid', `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${all}`, {
    ...(name !== '' && { name }),
    ...(group !== '' && { group }),
    ...(kind !== '' && { kind }),
    causes,
  });
}

/** 501 for an unsupported request, with a message that names it, instead of a wrong answer. */
export function notImplemented(what: string): StatusError {
  return new StatusError(501, 'NotImplemented', `the local Kubernetes API does not support ${what}`);
}

export function expired(message: string, metadata: Fields = {}): StatusError {
  return new StatusError(410, 'Expired', message, undefined, metadata);
}
