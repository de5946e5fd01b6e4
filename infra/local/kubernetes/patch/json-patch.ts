import { isDeepStrictEqual } from 'node:util';
import { isFields } from '../json.ts';
import type { Fields } from '../json.ts';
import { badRequest, StatusError } from '../status.ts';

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[] | undefined;
  readonly value: unknown;
  readonly hasValue: boolean;
}

const operationLimit = 10_000;

interface Root {
  document: unknown;
}

/** RFC 6902. Throws 400 for what is no patch, 422 for an operation that cannot be done. */
export function jsonPatch(target: Fields, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    const shape = isFields(patch) ? 'object' : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${shape} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (patch.length > operationLimit) {
    throw new StatusError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${operationLimit}, got ${patch.length}`,
    );
  }
  const root = { document: structuredClone(target) as unknown };
  for (const operation of patch.map(readOperation)) perform(root, operation);
  return root.document;
}

function readOperation(raw: unknown): Operation {
  if (!isFields(raw) || typeof raw['op'] !== 'string' || typeof raw['path'] !== 'string') throw rejected();
  return {
    op: raw['op'],
    path: readPointer(raw['path']),
    from: typeof raw['from'] === 'string' ? readPointer(raw['from']) : undefined,
    value: raw['value'],
    hasValue: Object.hasOwn(raw, 'value'),
  };
}

/** The API server's answer to any operation that cannot be done. */
function rejected(): StatusError {
  return new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

function readPointer(pointer: string): readonly string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw rejected();
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function perform(root: Root, operation: Operation): void {
  const { op, path, from } = operation;
  switch (op) {
    case 'add':
      return add(root, path, required(operation));
    case 'replace':
      read(root, path);
      return replace(root, path, required(operation));
    case 'remove':
      return remove(root, path);
    case 'test':
      if (!isDeepStrictEqual(readOrNull(root, path), operation.value ?? null)) throw rejected();
      return;
    case 'copy':
      return add(root, path, structuredClone(read(root, from ?? fail())));
    case 'move': {
      const value = read(root, from ?? fail());
      remove(root, from ?? fail());
      return add(root, path, value);
    }
    default:
      throw rejected();
  }
}

function add(root: Root, path: readonly string[], value: unknown): void {
  const step = path.at(-1);
  if (step === undefined) {
    root.document = value;
    return;
  }
  const parent = read(root, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(step === '-' ? parent.length : indexOf(step, parent.length), 0, value);
  else if (isFields(parent)) define(parent, step, value);
  else throw rejected();
}

function read(root: Root, path: readonly string[]): unknown {
  let at = root.document;
  for (const step of path) {
    if (Array.isArray(at)) at = at[indexOf(step, at.length - 1)];
    else if (isFields(at) && Object.hasOwn(at, step)) at = at[step];
    else throw rejected();
  }
  return at;
}

function indexOf(step: string, last: number): number {
  if (!/^(0|[1-9]\d*)$/.test(step) || Number(step) > last) throw rejected();
  return Number(step);
}

/** Also for keys such as `__proto__`, which an assignment would not set. */
function define(fields: Fields, key: string, value: unknown): void {
  Object.defineProperty(fields, key, { value, writable: true, enumerable: true, configurable: true });
}

function required(operation: Operation): unknown {
  return operation.hasValue ? structuredClone(operation.value) : fail();
}

function fail(): never {
  throw rejected();
}

function replace(root: Root, path: readonly string[], value: unknown): void {
  const step = path.at(-1);
  if (step === undefined) {
    root.document = value;
    return;
  }
  const parent = read(root, path.slice(0, -1));
  if (Array.isArray(parent)) parent[indexOf(step, parent.length - 1)] = value;
  else if (isFields(parent)) define(parent, step, value);
  else throw rejected();
}

function remove(root: Root, path: readonly string[]): void {
  read(root, path);
  const step = path.at(-1) ?? fail();
  const parent = read(root, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(indexOf(step, parent.length - 1), 1);
  else if (isFields(parent)) delete parent[step];
}

/** `test` of something that is not there compares with null. */
function readOrNull(root: Root, path: readonly string[]): unknown {
  const parent = read(root, path.slice(0, -1));
  const last = path.at(-1);
  if (last !== undefined && isFields(parent) && !Object.hasOwn(parent, last)) return null;
  return read(root, path);
}
