import type { KubeObject } from '../cluster/release-port.ts';
import { formatPath } from '../values/json.ts';
import { FILE_HEADERS_ONLY, createTwoFilesPatch } from 'diff';
import microdiff from 'microdiff';
import { stringify } from 'yaml';

/** One field that differs. Absent is `undefined`. */
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
// Of these, the text says nothing that the fields themselves do not say; the first one holds a whole manifest.
const NOISE: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/revision',
]);
const SECRET_NAME = /TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY|PEM/i;
const HIDDEN = '(hidden)';

/** What of an object a diff compares: what people and programs write, not what the API server keeps for itself. */
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

/** A copy without what looks like a secret in plain text. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (!isRecord(value)) return value;
  if (isPlainSecret(value) && !isFileName(value)) return { ...value, value: HIDDEN };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, redact(member)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An environment variable that somebody wrote a token into as plain text is not shown: diffs are answered and logged. */
function isPlainSecret(value: Record<string, unknown>): boolean {
  return typeof value['name'] === 'string' && typeof value['value'] === 'string' && SECRET_NAME.test(value['name']);
}

function isFileName(value: Record<string, unknown>): boolean {
  return value['name'] === 'AUTH_TOKENS_FILE' || value['name'] === 'GOOGLE_APPLICATION_CREDENTIALS';
}

/**
 * What differs between an object as it is and as it would be, or `null` when nothing does. `null` for either side: it
 * is created or deleted. Fields that the API server keeps for itself are left out, secrets in plain text hidden.
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

/** The address that a dry run drew for a Service to be made: the one that is made draws another. */
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

/** All diffs as one text, for people. */
export function unifiedText(diffs: readonly ObjectDiff[]): string {
  return diffs.length === 0 ? 'no changes\n' : diffs.map(({ unified }) => unified).join('');
}
