import { createHash } from 'node:crypto';

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/;
const MAX_LENGTH = 63;
const HASH_LENGTH = 10;
const CONTENT_LENGTH = 8;

/** The form of a run's id: it becomes a segment of a URL and of an object name. */
const AGGREGATION_ID = /^[A-Za-z0-9][A-Za-z0-9._:@+~-]{0,199}$/;

/** Paths of `aggregate`; a run with such an id would have no path. */
const RESERVED_IDS: ReadonlySet<string> = new Set(['tasks', 'schedules', 'sweep', 'openapi.json']);

/** How the name of every Job of a round ends. */
const ATTEMPT_NAME = /-r\d+-a\d+(-[0-9a-f]{8})?$/;

/**
 * The Job's name, `<release>-<aggregationId>` as the chart makes it. Kubernetes puts it into the `job-name` label and
 * the pods' names, so it must be a DNS label of at most 63 characters. Any other name becomes a cleaned prefix and a hash,
 * and so does one that could be the name of a round's Job.
 */
export function buildJobName(releaseName: string, aggregationId: string): string {
  const text = `${releaseName}-${aggregationId}`;
  const identity = `${releaseName}\n${aggregationId}`;
  return ATTEMPT_NAME.test(text) ? hashedName(text, identity) : toLabelName(text, identity);
}

function toLabelName(text: string, identity: string): string {
  return text.length <= MAX_LENGTH && DNS_LABEL.test(text) ? text : hashedName(text, identity);
}

/** `text` cut and cleaned, with a hash of the whole: distinct texts stay distinct, the same text gets the same name. */
function hashedName(text: string, identity: string): string {
  const clean = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH - HASH_LENGTH - 1)
    .replaceAll(/^-+|-+$/g, '');
  return `${clean === '' ? 'x' : clean}-${shortHash(identity)}`;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
}

/**
 * The Job's name of one attempt of a round, `<release>-<taskId>-r<round>-a<attempt>-<content>`, made valid like a run's.
 * `content` is the hash of the round's updates: after the state of a task was moved away, another round 1 has another name.
 * Without it, the name is that of an attempt that an earlier version opened.
 */
export function buildAttemptJobName(
  releaseName: string,
  taskId: string,
  round: number,
  attempt: number,
  content = '',
): string {
  const suffix = `-r${round}-a${attempt}${content === '' ? '' : `-${content.slice(0, CONTENT_LENGTH)}`}`;
  const prefix = toLabelName(`${releaseName}-${taskId}`, `${releaseName}\n${taskId}`);
  if (prefix.length + suffix.length <= MAX_LENGTH) return `${prefix}${suffix}`;
  // The hash of the task and the suffix stay: both make the name unique.
  const hash = shortHash(`${releaseName}\n${taskId}`);
  const kept = prefix.slice(0, MAX_LENGTH - suffix.length - HASH_LENGTH - 1).replace(/-+$/, '');
  return `${kept}-${hash}${suffix}`;
}

/** `text` as a label value: itself where Kubernetes allows it, else cleaned and hashed. */
export function buildLabelValue(text: string): string {
  return text.length <= MAX_LENGTH && LABEL_VALUE.test(text) ? text : hashedName(text, text);
}

/** Why `id` cannot identify a run, phrased to follow the id; `null` for a valid id. */
export function aggregationIdProblem(id: string): string | null {
  if (RESERVED_IDS.has(id)) return 'is the path of another call';
  if (AGGREGATION_ID.test(id)) return null;
  return 'must be 1 to 200 letters, digits or . _ : @ + ~ -, beginning with a letter or digit';
}
