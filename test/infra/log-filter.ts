/** The part of Cloud Logging's query language that infra/terraform/monitoring.tf uses: https://cloud.google.com/logging/docs/view/logging-query-language */

/** A log line of a function as Cloud Logging stores it: `severity` is not in the payload. */
export interface LogEntry {
  readonly severity: string;
  readonly resource: { readonly type: string; readonly labels: Readonly<Record<string, string>> };
  readonly jsonPayload: Readonly<Record<string, unknown>>;
}

const SEVERITIES = ['DEFAULT', 'DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL'];

const COMPARISON = /^([\w.]+)(=~|>=|=)(.+)$/;

const valuesAt = (entry: LogEntry, path: string): readonly unknown[] => {
  let at: unknown = entry;
  for (const segment of path.split('.')) {
    if (typeof at !== 'object' || at === null) return [];
    at = new Map<string, unknown>(Object.entries(at)).get(segment);
  }
  // A repeated field matches if one of its values matches.
  if (Array.isArray(at)) return at;
  return at === undefined ? [] : [at];
};

type Wanted = string | number | boolean;

const parseWanted = (text: string): readonly Wanted[] => {
  const list = /^\((.*)\)$/.exec(text)?.[1];
  return (list === undefined ? [text] : list.split(' OR ')).map((each) => {
    if (/^[A-Z]+$/.test(each)) return each;
    const value: unknown = JSON.parse(each);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    throw new Error(`"${each}" is not a value of a comparison`);
  });
};

const isAtLeast = (path: string, value: unknown, wanted: Wanted): boolean =>
  path === 'severity'
    ? SEVERITIES.indexOf(String(value)) >= SEVERITIES.indexOf(String(wanted))
    : typeof value === 'number' && typeof wanted === 'number' && value >= wanted;

const fits = (path: string, operator: string, value: unknown, wanted: Wanted): boolean => {
  if (operator === '=~') return typeof value === 'string' && new RegExp(String(wanted)).test(value);
  return operator === '>=' ? isAtLeast(path, value, wanted) : value === wanted;
};

/** Whether the filter matches the entry. Throws for syntax that is not supported here, so that no filter is ignored. */
export const matchesFilter = (filter: string, entry: LogEntry): boolean =>
  filter.split(' AND ').every((term) => {
    const isNegated = term.startsWith('NOT ');
    const clause = isNegated ? term.slice('NOT '.length) : term;
    const [, path, operator, text] = COMPARISON.exec(clause) ?? [];
    if (path === undefined || operator === undefined || text === undefined)
      throw new Error(`"${clause}" is not a comparison`);
    const wanted = parseWanted(text);
    const isFound = valuesAt(entry, path).some((value) => wanted.some((each) => fits(path, operator, value, each)));
    return isFound !== isNegated;
  });
