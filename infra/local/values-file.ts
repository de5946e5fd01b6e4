import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface Schedule {
  readonly name: string;
  readonly cron: string;
  readonly timeZone?: string;
}

/** The parts of a values file that the local stack uses. The functions validate the whole file when they start. */
export interface LocalValues {
  readonly schedules: readonly Schedule[];
  /** Every bucket that the values name, as `gs://BUCKET/...` or in a field such as `repositoryGcsBucket`. */
  readonly buckets: readonly string[];
}

/** Reads a values file. Throws an Error with one sentence if it cannot be read or parsed. */
export function readValuesFile(path: string): LocalValues {
  const values = parseYaml(path, readText(path));
  return { schedules: schedulesOf(values), buckets: [...new Set(bucketsOf(values))] };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const reason = isMissing ? 'the file does not exist' : error instanceof Error ? error.message : String(error);
    throw new Error(`--values "${path}": ${reason}`, { cause: error });
  }
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new Error(`--values "${path}" is not valid YAML: ${reason.replace(/:$/, '')}`, { cause: error });
  }
}

function schedulesOf(values: unknown): Schedule[] {
  if (typeof values !== 'object' || values === null || !('schedules' in values) || !Array.isArray(values.schedules))
    return [];
  return values.schedules.filter(
    (entry): entry is Schedule => typeof entry?.name === 'string' && typeof entry?.cron === 'string',
  );
}

const BUCKET = String.raw`[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]`;
const URI = new RegExp(`^gs://(${BUCKET})(?:/|$)`);
const NAME = new RegExp(`^${BUCKET}$`);

function bucketsOf(value: unknown, key = ''): string[] {
  if (typeof value === 'string') {
    const bucket = URI.exec(value)?.[1];
    if (bucket !== undefined) return [bucket];
    return key.endsWith('Bucket') && NAME.test(value) ? [value] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => bucketsOf(member, name));
}
