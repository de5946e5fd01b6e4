import { FILE_HEADERS_ONLY, createTwoFilesPatch } from 'diff';
import microdiff from 'microdiff';
import { stringify } from 'yaml';
import type { KubeObject } from '../cluster/release-port.ts';
import { formatPath } from '../values/json.ts';

/** A field that differs; `undefined` where it is absent. */
export interface FieldChange {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** A field that another manager had set to `value`, and that the release took over. */
export interface TakenField {
  readonly kind: string;
  readonly name: string;
  readonly field: string;
  readonly manager: string;
  readonly value?: unknown;
}

export interface ObjectDiff {
  readonly kind: string;
  readonly name: string;
  readonly changes: readonly FieldChange[];
  /** Unified diff of both objects' YAML. */
  readonly unified: string;
}

const SERVER_FIELDS: ReadonlySet<string> = new Set([
  'managedFields',
  'resourceVersion',
  'generation',
  'uid',
  'creationTimestamp',
  'selfLink',
]);
// Redundant in a diff: the first one contains a whole manifest, the second one a counter.
const NOISE: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/revision',
]);
const SECRET_NAME = /TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY|PEM/i;
const HIDDEN = '(hidden)';

/** An object without the fields that the API server maintains, for comparison. */
export function comparable(object: KubeObject): Record<string, unknown> {
  const { metadata, status: _status, ...rest } = object;
  const { annotations, ...others } = metadata;
  const kept = withoutNoise(annotations);
  const own = Object.entries(others).filter(([key]) => !SERVER_FIELDS.has(key));
  return { ...rest, metadata: { ...Object.fromEntries(own), ...(kept !== undefined && { annotations: kept }) } };
}

function withoutNoise(annotations: unknown): Record<string, unknown> | undefined {
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !NOISE.has(key));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** A copy in which environment variables that look like secrets in plain text are hidden. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (!isRecord(value)) return value;
  if (isPlainSecret(value) && !isFileName(value)) return { ...value, value: HIDDEN };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, redact(member)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Diffs are returned and logged, so that a token in an environment variable must not be shown. */
function isPlainSecret(value: Record<string, unknown>): boolean {
  return typeof value['name'] === 'string' && typeof value['value'] === 'string' && SECRET_NAME.test(value['name']);
}

function isFileName(value: Record<string, unknown>): boolean {
  return value['name'] === 'AUTH_TOKENS_FILE' || value['name'] === 'GOOGLE_APPLICATION_CREDENTIALS';
}

/**
 * The difference between two versions of an object, or `null` if they are equal. `before` is `null` for a created object,
 * `after` for a deleted one. Fields that the API server maintains are ignored, secrets in plain text are hidden.
 */
export function diffObject(before: KubeObject | null, after: KubeObject | null): ObjectDiff | null {
  const named = after ?? before;
  if (named === null) return null;
  const old = before === null ? null : comparable(before);
  const now = after === null ? null : before === null ? withoutDrawn(comparable(after)) : comparable(after);
  const changes = old === null || now === null ? [] : changesOf(old, now);
  if (old !== null && now !== null && changes.length === 0) return null;
  const { kind } = named;
  const { name } = named.metadata;
  const file = `${kind}/${name}`;
  const [left, right] = [old, now].map((side) => yamlOf(side === null ? null : record(redact(side))));
  const unified = createTwoFilesPatch(
    before === null ? '/dev/null' : `live/${file}`,
    after === null ? '/dev/null' : `release/${file}`,
    left ?? '',
    right ?? '',
    undefined,
    undefined,
    { context: 3, headerOptions: FILE_HEADERS_ONLY },
  );
  return { kind, name, changes, unified };
}

/** Without the addresses that a dry run allocated for a new Service: the real apply allocates others. */
function withoutDrawn(made: Record<string, unknown>): Record<string, unknown> {
  const { spec } = made;
  if (made['kind'] !== 'Service' || !isRecord(spec) || spec['clusterIP'] === 'None') return made;
  const { clusterIP: _drawn, clusterIPs: _all, ...kept } = spec;
  return { ...made, spec: kept };
}

function changesOf(before: Record<string, unknown>, after: Record<string, unknown>): FieldChange[] {
  const [old, now] = [byName(before), byName(after)];
  if (!isRecord(old) || !isRecord(now)) return [];
  const [shownOld, shownNow] = [redact(byName(redact(before))), redact(byName(redact(after)))];
  return microdiff(old, now, { cyclesFix: false }).map(({ type, path }) => ({
    path: formatPath(path),
    ...(type !== 'CREATE' && { before: valueAt(shownOld, path) }),
    ...(type !== 'REMOVE' && { after: valueAt(shownNow, path) }),
  }));
}

/** Lists whose entries have names are compared by name, as Kubernetes merges them, not by position. */
function byName(value: unknown): unknown {
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, byName(member)]));
  if (!Array.isArray(value)) return value;
  const names = value.map((entry: unknown) => (isRecord(entry) ? entry['name'] : undefined));
  const isNamed =
    value.length > 0 && names.every((name) => typeof name === 'string') && new Set(names).size === value.length;
  if (!isNamed) return value.map(byName);
  return Object.fromEntries(value.map((entry: unknown, index) => [String(names[index]), byName(entry)]));
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let at: unknown = value;
  for (const step of path) {
    if (Array.isArray(at)) at = at[Number(step)];
    else if (isRecord(at)) at = at[String(step)];
    else return undefined;
  }
  return at;
}

function yamlOf(value: Record<string, unknown> | null): string {
  return value === null ? '' : stringify(value, { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false });
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

/** All diffs as one text. */
export function unifiedText(diffs: readonly ObjectDiff[]): string {
  return diffs.length === 0 ? 'no changes\n' : diffs.map(({ unified }) => unified).join('');
}
