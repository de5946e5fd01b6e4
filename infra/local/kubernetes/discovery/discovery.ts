import type { Fields } from '../json.ts';
import type { Resource, Subresource } from '../resources/resource.ts';
import { resources } from '../resources/table.ts';

/** A resource or subresource, as discovery lists it. */
interface Listed {
  readonly group: string;
  readonly version: string;
  readonly name: string;
  readonly singular: string;
  readonly kind: string;
  /** Set if the kind belongs to another group, such as Scale. */
  readonly kindGroup?: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** By name; `RESOURCE/NAME` where only that resource's is served. */
const subresources: Readonly<
  Record<string, { readonly kind?: string; readonly kindGroup?: string; readonly verbs: readonly string[] }>
> = {
  status: { verbs: ['get', 'patch', 'update'] },
  scale: { kind: 'Scale', kindGroup: 'autoscaling', verbs: ['get', 'patch', 'update'] },
  binding: { kind: 'Binding', verbs: ['create'] },
  log: { verbs: ['get'] },
  'services/proxy': { kind: 'ServiceProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
};

export function isServedSubresource(resource: Resource, name: Subresource): boolean {
  return servedOf(resource, name) !== undefined;
}

function servedOf(resource: Resource, name: Subresource): (typeof subresources)[string] | undefined {
  return subresources[`${resource.plural}/${name}`] ?? subresources[name];
}

export function servedGroups(): readonly string[] {
  return [...new Set(everything().map((each) => each.group))].filter((group) => group !== '');
}

function everything(): readonly Listed[] {
  return resources.flatMap(listedOf);
}

function listedOf(resource: Resource): readonly Listed[] {
  const base = { group: resource.group, version: resource.version, namespaced: resource.namespaced };
  const main: Listed = {
    ...base,
    name: resource.plural,
    singular: resource.singular,
    kind: resource.kind,
    verbs: resource.readOnly === undefined ? allVerbs : ['get', 'list', 'watch'],
    ...(resource.shortNames !== undefined && { shortNames: resource.shortNames }),
    ...(resource.categories !== undefined && { categories: resource.categories }),
  };
  const subs = resource.subresources.flatMap((name) => {
    const served = servedOf(resource, name);
    if (served === undefined) return [];
    const kindGroup = served.kindGroup === undefined ? {} : { kindGroup: served.kindGroup };
    return [
      {
        ...base,
        ...kindGroup,
        name: `${resource.plural}/${name}`,
        singular: '',
        kind: served.kind ?? resource.kind,
        verbs: served.verbs,
      },
    ];
  });
  return [main, ...subs];
}

/** GET /api/v1 and /apis/GROUP/VERSION. */
export function resourceList(group: string, version: string): Fields | undefined {
  const listed = everything().filter((each) => each.group === group && each.version === version);
  if (listed.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group !== '' && { apiVersion: 'v1' }),
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: listed
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((each) => ({
        name: each.name,
        singularName: each.singular,
        namespaced: each.namespaced,
        ...(each.kindGroup !== undefined && { group: each.kindGroup, version: 'v1' }),
        kind: each.kind,
        verbs: each.verbs,
        ...(each.shortNames !== undefined && { shortNames: each.shortNames }),
        ...(each.categories !== undefined && { categories: each.categories }),
      })),
  };
}

/** GET /apis in the legacy form. */
export function groupList(): Fields {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: servedGroups().map(groupEntry),
  };
}

function groupEntry(group: string): Fields {
  const version = { groupVersion: `${group}/v1`, version: 'v1' };
  return { name: group, versions: [version], preferredVersion: version };
}

/** GET /apis/GROUP. */
export function groupOf(group: string): Fields | undefined {
  return servedGroups().includes(group) ? { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) } : undefined;
}

/** GET /api in the legacy form. */
export function coreVersions(host: string): Fields {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: host }],
  };
}

/** GET /api and /apis in the aggregated form: all groups with all their resources at once. */
export function aggregatedList(root: 'api' | 'apis', version: 'v2' | 'v2beta1'): Fields {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: (root === 'api' ? [''] : servedGroups()).map((group) => ({
      metadata: { ...(group !== '' && { name: group }), creationTimestamp: null },
      versions: [{ version: 'v1', resources: aggregatedResources(group), freshness: 'Current' }],
    })),
  };
}

function aggregatedResources(group: string): readonly Fields[] {
  const listed = everything().filter((each) => each.group === group);
  return listed
    .filter((each) => !each.name.includes('/'))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((each) => {
      const own = listed.filter((other) => other.name.startsWith(`${each.name}/`));
      return {
        resource: each.name,
        responseKind: responseKind(each),
        scope: each.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: each.singular,
        verbs: each.verbs,
        ...(each.shortNames !== undefined && { shortNames: each.shortNames }),
        ...(each.categories !== undefined && { categories: each.categories }),
        ...(own.length > 0 && {
          subresources: own.map((other) => ({
            subresource: other.name.slice(each.name.length + 1),
            responseKind: responseKind(other),
            verbs: other.verbs,
          })),
        }),
      };
    });
}

/** An empty group and version mean those of the resource. */
function responseKind({ kind, kindGroup }: Listed): Fields {
  return {
    group: kindGroup ?? '',
    version: kindGroup === undefined ? '' : 'v1',
    kind,
  };
}
