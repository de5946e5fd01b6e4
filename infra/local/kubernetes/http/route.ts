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
export const parseTarget = (path: string): Target | undefined => {
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decode);
  const [root, ...more] = segments;
  if (root === 'api' && more.length > 1) return within('', more[0] ?? '', more.slice(1));
  if (root === 'apis' && more.length > 2) return within(more[0] ?? '', more[1] ?? '', more.slice(2));
  return undefined;
};

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

const within = (group: string, version: string, segments: readonly string[]): Target => {
  const [first = '', second, third, ...others] = segments;
  const isNamespaced =
    first === 'namespaces' && second !== undefined && third !== undefined && !isNamespaceSubresource(third);
  if (!isNamespaced) {
    return { group, version, plural: first, namespace: undefined, name: second, subresource: third, rest: others };
  }
  const [name, subresource, ...rest] = others;
  return { group, version, plural: third, namespace: second, name, subresource, rest };
};

const isNamespaceSubresource = (segment: string): boolean => segment === 'status' || segment === 'finalize';

export const isServedGroup = (group: string, version: string): boolean =>
  resources.some((each) => each.group === group && each.version === version);

export const targetResource = (target: Target): Resource | undefined =>
  resources.find(
    (each) => each.group === target.group && each.version === target.version && each.plural === target.plural,
  );
