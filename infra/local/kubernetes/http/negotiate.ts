import { StatusError } from '../status.ts';

/** How the caller wants to see the answer. */
export interface Wanted {
  readonly as: 'object' | 'table' | 'metadata';
  readonly format: 'json' | 'yaml';
}

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const representations = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const streams = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

const views: Readonly<Record<string, Wanted['as']>> = {
  Table: 'table',
  PartialObjectMetadata: 'metadata',
  PartialObjectMetadataList: 'metadata',
};

/** Chooses from an Accept header. Protobuf is never written: the next choice is taken. Throws 406 when there is none. */
export function negotiate(accept: string | undefined, isCollection = false): Wanted {
  if (accept === undefined || accept.trim() === '') return { as: 'object', format: 'json' };
  for (const range of parseAccept(accept)) {
    const wanted = accepted(range);
    if (wanted !== undefined) return wanted;
  }
  throw new StatusError(
    406,
    'NotAcceptable',
    `406: Not Acceptable\n\nAvailable representations: ${(isCollection ? [...representations, ...streams] : representations).join(', ')}`,
    {},
  );
}

function parseAccept(accept: string): readonly MediaRange[] {
  return accept
    .split(',')
    .map((range) => {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
      return { type: type.toLowerCase(), parameters: new Map(parameters.map((each) => pair(each))) };
    })
    .filter(({ type }) => type !== '')
    .toSorted((a, b) => quality(b) - quality(a));
}

function pair(parameter: string): [string, string] {
  const [key = '', value = ''] = parameter.split('=');
  return [key.trim().toLowerCase(), value.trim()];
}

function quality({ parameters }: MediaRange): number {
  const asked = Number(parameters.get('q') ?? '1');
  return Number.isNaN(asked) ? 1 : asked;
}

function accepted({ type, parameters }: MediaRange): Wanted | undefined {
  const format = ['application/json', '*/*', 'application/*'].includes(type)
    ? 'json'
    : type === 'application/yaml'
      ? 'yaml'
      : undefined;
  if (format === undefined) return undefined;
  const view = parameters.get('as');
  if (view === undefined) return { as: 'object', format };
  const isMeta = parameters.get('g') === 'meta.k8s.io' && parameters.get('v') === 'v1';
  const as = views[view];
  return as !== undefined && isMeta ? { as, format } : undefined;
}
