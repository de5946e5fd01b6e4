import type { Issue } from '../errors.ts';
import type { Refusal } from './api-errors.ts';
import type { Applied, FieldConflict } from './release-port.ts';

const IMMUTABLE = /immutable|may not change|cannot be (?:changed|unset)/i;

/** What a refused apply means to a release; `undefined` where it is an error of the call. */
export function applyOutcome(refusal: Refusal): Applied | undefined {
  const conflicts = refusal.status === 409 ? conflictsOf(refusal) : [];
  if (conflicts.length > 0) return { kind: 'conflict', conflicts };
  if (refusal.status === 404) {
    const message = `the cluster does not serve this kind, or has no such namespace (${refusal.message ?? '404'})`;
    return { kind: 'refused', immutable: false, issues: [{ path: 'kind', message }] };
  }
  if (!isWrongObject(refusal)) return undefined;
  const issues = issuesOf(refusal);
  return { kind: 'refused', immutable: issues.some(({ message }) => IMMUTABLE.test(message)), issues };
}

function conflictsOf({ causes = [] }: Refusal): FieldConflict[] {
  return causes
    .filter(({ reason }) => reason === 'FieldManagerConflict')
    .map(({ field, message }) => ({ field: field.replace(/^\./, ''), manager: managerOf(message) }));
}

/** As in `conflict with "kubectl" with subresource "scale" using apps/v1`. */
function managerOf(message: string): string {
  return /^conflict with "([^"]*)"/.exec(message)?.[1] ?? message;
}

/** 500 is what the API server says of a field whose type is wrong: "failed to create typed patch object". */
function isWrongObject({ status, message = '' }: Refusal): boolean {
  return status === 400 || status === 422 || (status === 500 && /failed to create typed patch object/.test(message));
}

function issuesOf({ causes = [], message = '' }: Refusal): Issue[] {
  const told = causes.map((cause) => ({ path: cause.field, message: cause.message }));
  if (told.length > 0) return told;
  const unknown = unknownFields(message);
  return unknown.length > 0 ? unknown : [{ path: '', message }];
}

/** `strict decoding error: unknown field "spec.foo", unknown field "spec.bar"`, or `.spec.foo: field not declared in schema`. */
function unknownFields(message: string): Issue[] {
  return [
    ...message.matchAll(
      /unknown field "([^"]+)"|duplicate field "([^"]+)"|\.([\w.[\]"=-]+): field not declared in schema/g,
    ),
  ].map(([text, unknown, duplicate, undeclared]) => ({
    path: unknown ?? duplicate ?? undeclared ?? '',
    message: text,
  }));
}
