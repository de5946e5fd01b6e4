import { resources } from '../resources/table.ts';
import type { Resource } from '../resources/resource.ts';

/** What a path of the resource API names. */
export interface Target {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows the subresource, as in `proxy/some/path`. */
  readonly rest: readonly string[];
}

/** Reads `/api/v1/...` and `/apis/GROUP/VERSION/...`; `undefined` for any other path, and for these themselves. */
export function parseTarget(path: string): Target | undefined {
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decode);
  const [root, ...more] = segments;
  if (root === 'api' && more.length > 1) return within('', more[0] ?? '', more.slice(1));
  if (root === 'apis' && more.length > 2) return within(more[0] ?? '', more[1] ?? '', more.slice(2));
  return undefined;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function within(group: string, version: string, segments: readonly string[]): Target {
  const [first = '', second, third, ...others] = segments;
  const isNamespaced =
    first === 'namespaces' && second !== undefined && third !== undefined && !isNamespaceSubresource(third);
  if (!isNamespaced) {
    return { group, version, plural: first, namespace: undefined, name: second, subresource: third, rest: others };
  }
  const [name, subresource, ...rest] = others;
  return { group, version, plural: third, namespace: second, name, subresource, rest };
}

function isNamespaceSubresource(segment: string): boolean {
  return segment === 'status' || segment === 'finalize';
}

export function isServedGroup(group: string, version: string): boolean {
  return resources.some((each) => each.group === group && each.version === version);
}

export function targetResource(target: Target): Resource | undefined {
  return resources.find(
    (each) => each.group === target.group && each.version === target.version && each.plural === target.plural,
  );
}
