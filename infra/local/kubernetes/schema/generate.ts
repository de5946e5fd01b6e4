/**
 * Writes `data.json` from the published Go types of Kubernetes: `node generate.ts <folder of k8s.io modules> <version>`,
 * where the folder holds `api@<version>` and `apimachinery@<version>` as `go mod download` leaves them.
 * The types carry what no client library has: JSON names with `omitempty`, protobuf numbers, and the merge keys of lists.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Package prefix, folder, and the types that are wanted; referenced types are included. */
const packages: Readonly<
  Record<
    string,
    { readonly module: 'api' | 'apimachinery'; readonly folder: string; readonly roots: readonly string[] }
  >
> = {
  core: {
    module: 'api',
    folder: 'core/v1',
    roots: ['Namespace', 'Secret', 'ConfigMap', 'Service', 'ServiceAccount', 'Pod', 'Event', 'Node', 'Binding'],
  },
  batch: { module: 'api', folder: 'batch/v1', roots: ['Job'] },
  apps: { module: 'api', folder: 'apps/v1', roots: ['Deployment', 'ReplicaSet'] },
  coordination: { module: 'api', folder: 'coordination/v1', roots: ['Lease'] },
  discovery: { module: 'api', folder: 'discovery/v1', roots: ['EndpointSlice'] },
  autoscaling: { module: 'api', folder: 'autoscaling/v1', roots: ['Scale'] },
  meta: { module: 'apimachinery', folder: 'pkg/apis/meta/v1', roots: ['DeleteOptions'] },
};

/** Types with a special JSON form, by their names in the table. */
const leaves: Readonly<Record<string, string>> = {
  'meta.Time': 'Time',
  'meta.MicroTime': 'MicroTime',
  'meta.FieldsV1': 'FieldsV1',
  'resource.Quantity': 'Quantity',
  'intstr.IntOrString': 'IntOrString',
  'runtime.RawExtension': 'RawExtension',
};
const imports: Readonly<Record<string, string>> = {
  metav1: 'meta',
  v1: 'core',
  corev1: 'core',
  resource: 'resource',
  intstr: 'intstr',
  runtime: 'runtime',
};
const scalars = new Set(['string', 'bool', 'int32', 'int64', 'float64', 'int', 'uint8', 'byte']);

interface Source {
  readonly structs: ReadonlyMap<string, { readonly lines: readonly string[]; readonly atomic: boolean }>;
  readonly aliases: ReadonlyMap<string, string>;
}

const [root, version] = process.argv.slice(2);

function readPackage(text: string): Source {
  const structs = new Map<string, { lines: string[]; atomic: boolean }>();
  const aliases = new Map<string, string>();
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const alias = /^(?:type |\t)(\w+) (\[\]\w+|string|int32|map\[\w+\][\w.]+)(?: .*)?$/.exec(line);
    if (alias !== null && line.startsWith('type ')) aliases.set(alias[1] ?? '', alias[2] ?? '');
    const struct = /^type (\w+) struct \{(\})?$/.exec(line);
    if (struct === null) continue;
    const end = struct[2] === undefined ? lines.indexOf('}', index) : index;
    structs.set(struct[1] ?? '', {
      lines: lines.slice(index + 1, end),
      atomic: hasMarkerAbove(lines, index, '+structType=atomic'),
    });
  }
  return { structs, aliases };
}

function hasMarkerAbove(lines: readonly string[], index: number, marker: string): boolean {
  for (let at = index - 1; at >= 0 && (lines[at] ?? '').startsWith('//'); at -= 1) {
    if ((lines[at] ?? '').includes(marker)) return true;
  }
  return false;
}

function generate(root: string, version: string): Readonly<Record<string, string>> {
  const sources = new Map<string, Source>();
  for (const [name, { module, folder }] of Object.entries(packages)) {
    sources.set(name, readPackage(readFileSync(join(root, `${module}@${version}`, folder, 'types.go'), 'utf8')));
  }
  const types: Record<string, string> = {};
  function visit(name: string): void {
    if (name in types) return;
    const [pkg = '', type = ''] = name.split('.');
    const struct = sources.get(pkg)?.structs.get(type);
    if (struct === undefined) throw new Error(`no Go struct ${name}`);
    types[name] = '';
    const { text, refs } = fieldsOf(struct.lines, pkg, sources);
    types[name] = (struct.atomic ? '@atomic ' : '') + text;
    for (const ref of refs) visit(ref);
  }
  for (const [pkg, { roots }] of Object.entries(packages)) for (const type of roots) visit(`${pkg}.${type}`);
  return Object.fromEntries(Object.entries(types).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function fieldsOf(
  lines: readonly string[],
  pkg: string,
  sources: ReadonlyMap<string, Source>,
): { text: string; refs: string[] } {
  const fields: string[] = [];
  const refs: string[] = [];
  let markers: string[] = [];
  for (const line of lines) {
    const trimmed = line.trim();
    if (trimmed === '') markers = [];
    if (trimmed.startsWith('//')) markers.push(trimmed.replace(/^\/\/\s*/, ''));
    if (trimmed.startsWith('//')) continue;
    const field = /^(?:(\w+)\s+)?(\S+)\s+`(.*)`$/.exec(trimmed);
    if (field === null) continue;
    const [, , goType = '', tags = ''] = field;
    const json = /json:"([^"]*)"/.exec(tags)?.[1] ?? '';
    const number = /protobuf:"\w+,(\d+)/.exec(tags)?.[1] ?? '0';
    if (!(goType.endsWith('TypeMeta') || json === '-')) {
      const { text, ref } = typeOf(goType, pkg, sources);
      if (ref !== undefined) refs.push(ref);
      fields.push(`${nameOf(json)}=${number}:${text}${flagsOf(json, tags, markers)}`);
    }
    markers = [];
  }
  return { text: fields.join(' '), refs };
}

function typeOf(goType: string, pkg: string, sources: ReadonlyMap<string, Source>): { text: string; ref?: string } {
  if (goType.startsWith('*')) return prefixed('*', typeOf(goType.slice(1), pkg, sources));
  if (goType === '[]byte') return { text: 'bytes' };
  if (goType.startsWith('[]')) return prefixed('[]', typeOf(goType.slice(2), pkg, sources));
  const map = /^map\[[\w.]+\](.*)$/.exec(goType);
  if (map !== null) return prefixed('{}', typeOf(map[1] ?? '', pkg, sources));
  if (scalars.has(goType)) return { text: goType };
  const [prefix, local] = goType.includes('.') ? goType.split('.') : [undefined, goType];
  const home = prefix === undefined ? pkg : (imports[prefix] ?? prefix);
  const name = `${home}.${local}`;
  const leaf = leaves[name];
  if (leaf !== undefined) return { text: leaf };
  if (name === 'types.UID' || name === 'types.NodeName' || name === 'runtime.Object') return { text: 'string' };
  const alias = sources.get(home)?.aliases.get(local ?? '');
  if (alias !== undefined) return typeOf(alias, home, sources);
  return { text: name, ref: name };
}

function prefixed(prefix: string, inner: { text: string; ref?: string }): { text: string; ref?: string } {
  return {
    text: prefix + inner.text,
    ...(inner.ref !== undefined && { ref: inner.ref }),
  };
}

function nameOf(json: string): string {
  return json.startsWith(',inline') ? '~' : (json.split(',')[0] ?? '');
}

function flagsOf(json: string, tags: string, markers: readonly string[]): string {
  function values(key: string): string[] {
    return markers
      .filter((marker) => marker.startsWith(`+${key}=`))
      .map((marker) => marker.slice(key.length + 2).trim());
  }
  const keys = values('listMapKey');
  const list = values('listType')[0];
  const mergeKey = /patchMergeKey:"(\w+)"/.exec(tags)?.[1];
  const strategy = /patchStrategy:"([\w,]+)"/.exec(tags)?.[1];
  const initial = values('default').find((value) => value.startsWith('"'));
  return [
    json.includes('omitempty') || json.startsWith(',') ? '' : '|always',
    list === 'map' ? `|map(${keys.join(',')})` : list === 'set' ? '|set' : '',
    values('mapType')[0] === 'atomic' || values('structType')[0] === 'atomic' ? '|atomic' : '',
    strategy === undefined ? '' : `|patch(${strategy})`,
    mergeKey === undefined ? '' : `|key(${mergeKey})`,
    initial === undefined ? '' : `|default(${initial.slice(1, -1)})`,
  ].join('');
}

if (root === undefined || version === undefined)
  throw new Error('usage: node generate.ts <folder of k8s.io modules> <version>');
writeFileSync(
  join(import.meta.dirname, 'data.json'),
  `${JSON.stringify({ source: `k8s.io/api and k8s.io/apimachinery ${version}`, types: generate(root, version) }, null, 1)}\n`,
);
