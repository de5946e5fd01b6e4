import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import { buildJob } from '../../src/jobs/manifest.ts';
import { buildJobName } from '../../src/jobs/names.ts';
import { diffObject } from '../../src/release/diff.ts';
import { renderRelease } from '../../src/release/manifests/render.ts';
import { buildRunRequest } from '../../src/runs/request.ts';
import { HELM } from './helm.ts';
import type { Example } from './values.ts';
import { exampleValues } from './values.ts';

const FILES = ['basic', 'gcs', 'aggregator', 'checkSecrets'] as const;
const fixtures = new URL('../fixtures/release/', import.meta.url);

const isKubeObject = (value: unknown): value is KubeObject =>
  typeof value === 'object' && value !== null && 'kind' in value;
const objectsOf = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter(isKubeObject);

/** What helm rendered from the values file. */
const recorded = (name: Example): KubeObject[] =>
  objectsOf(readFileSync(new URL(`manifests/${name}.yaml`, fixtures), 'utf8'));

/** What `deploy` makes of the same file: the objects of the release and the Job of the aggregation. */
const rendered = (name: Example): KubeObject[] => {
  const values = exampleValues(name);
  const objects = renderRelease(values, { release: 'demo', namespace: 'default', restartedAt: {} });
  const { aggregator } = values;
  return aggregator?.release === true ? [...objects, jobOf(values)] : objects;
};

const jobOf = (values: ReturnType<typeof exampleValues>): KubeObject => {
  const defaults = { namespace: 'default', releaseName: 'demo' };
  const { spec } = buildRunRequest(values, { now: new Date(0), defaults });
  const name = buildJobName(spec.releaseName, spec.aggregationId);
  return JSON.parse(JSON.stringify(buildJob(spec, { name })));
};

interface Row {
  readonly kind: string;
  readonly fields: string[];
}

/** The table "Differences from the chart" of docs/releases.md: kind and fields. */
const TABLE: readonly Row[] =
  readFileSync(new URL('../../docs/releases.md', import.meta.url), 'utf8')
    .split('## Differences from the chart')[1]
    ?.split('\n## ')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)))
    .map(([, [kind = ''] = [], fields = []]) => ({ kind, fields })) ?? [];

/** A row is about its fields and what they contain. `*` is the name of a container. */
const isAbout =
  ({ kind, path }: Difference) =>
  (row: Row): boolean =>
    row.kind === kind &&
    row.fields.some((field) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`));

interface Difference {
  readonly kind: string;
  readonly path: string;
}

const keyOf = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;

const differences = (name: Example): Difference[] => {
  const [theirs, ours] = [recorded(name), rendered(name)];
  const keys = [...new Set([...theirs, ...ours].map(keyOf))];
  return keys.flatMap((key) => {
    const [before, after] = [theirs, ours].map((list) => list.find((object) => keyOf(object) === key));
    const { kind } = before ?? after ?? { kind: '' };
    if (before === undefined || after === undefined) return [{ kind, path: 'metadata.annotations["helm.sh/hook"]' }];
    return (diffObject(before, after)?.changes ?? []).map(({ path }) => ({
      kind,
      path: path.replace(/containers\.(repository|flea|aggregator)/, 'containers.*'),
    }));
  });
};

describe('the chart’s values files, unmodified', () => {
  const all = FILES.flatMap(differences);

  test.each(FILES)('%s: every difference from the objects that helm makes is in docs/releases.md', (name) => {
    expect(differences(name).filter((one) => !TABLE.some(isAbout(one)))).toEqual([]);
  });

  test('docs/releases.md lists no difference that there is not', () => {
    expect(TABLE.length).toBeGreaterThan(0);
    expect(TABLE.filter((row) => !all.some((one) => isAbout(one)(row)))).toEqual([]);
  });

  test.skipIf(HELM === null).each(FILES)('%s: the record is what helm renders', (name) => {
    const chart = fileURLToPath(new URL('original', fixtures));
    const values = fileURLToPath(new URL(`../../infra/examples/values.${name}.yaml`, import.meta.url));
    const text = execFileSync(HELM ?? 'helm', ['template', 'demo', chart, '--values', values], { encoding: 'utf8' });
    expect(objectsOf(text)).toEqual(recorded(name));
  });
});
