import { invalidInput } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { AggregatorSchema } from './aggregator-schema.ts';
import { formatPath, isJsonObject, quote } from './json.ts';
import type { JsonObject } from './json.ts';
import { closest } from './nearest.ts';
import { ValuesSchema } from './schema.ts';

export interface AggregationDocument {
  /** `fields`: the aggregator's own fields, and namespace and checkSecrets. `values`: a whole values document. */
  readonly form: 'fields' | 'values';
  /** Merged over configured values; only the merged document is validated (`parseValues`). */
  readonly values: JsonObject;
}

const AGGREGATOR_KEYS: readonly string[] = Object.keys(AggregatorSchema.shape);
const VALUES_KEYS: readonly string[] = Object.keys(ValuesSchema.shape);
/** Stand at the top level in both forms. */
const SHARED_KEYS: readonly string[] = ['namespace', 'checkSecrets'];

const MAX_ISSUES = 100;

/**
 * The body of a request to `aggregate`, in either of its forms: the aggregator's fields directly (`tag: ...`), or a whole values document
 * such as the chart's `values.aggregator.yaml` (`aggregator: {tag: ...}`). Throws InvalidRequestError for a mix of both, with the
 * misplaced keys, and for unknown fields.
 */
export function parseAggregationDocument(document: JsonObject): AggregationDocument {
  const present = Object.entries(document).filter(([, value]) => value !== null);
  const sections = present.filter(([key, value]) => isSection(key, value)).map(([key]) => key);
  const others = present.map(([key]) => key).filter((key) => !sections.includes(key) && !SHARED_KEYS.includes(key));
  if (sections.length > 0) {
    refuse(
      others.filter((key) => AGGREGATOR_KEYS.includes(key)),
      (key) => mixed(key, sections),
    );
    return { form: 'values', values: document };
  }
  refuse(
    others.filter((key) => !AGGREGATOR_KEYS.includes(key)),
    unknown,
  );
  const shared = Object.fromEntries(Object.entries(document).filter(([key]) => SHARED_KEYS.includes(key)));
  const fields = Object.entries(document).filter(([key]) => !SHARED_KEYS.includes(key));
  return {
    form: 'fields',
    values: fields.length === 0 ? shared : { ...shared, aggregator: Object.fromEntries(fields) },
  };
}

/** `repository` is the image in one form, and a section in the other. */
function isSection(key: string, value: unknown): boolean {
  return key === 'repository' ? isJsonObject(value) : VALUES_KEYS.includes(key) && !SHARED_KEYS.includes(key);
}

/** Refuses `keys` for all of `why`. */
function refuse(keys: readonly string[], why: (key: string) => Issue): void {
  if (keys.length > 0) throw invalidInput(keys.slice(0, MAX_ISSUES).map(why), 'The request is');
}

function mixed(key: string, sections: readonly string[]): Issue {
  return {
    path: formatPath([key]),
    message: `stands beside ${sections.join(', ')}: write aggregator.${key} in a values document, or send the aggregator’s fields alone`,
  };
}

function unknown(key: string): Issue {
  const near = closest(key, [...AGGREGATOR_KEYS, ...VALUES_KEYS]);
  const hint =
    near === undefined
      ? 'send the aggregator’s fields, or a values document with a section "aggregator"'
      : `did you mean ${quote(near)}?`;
  return { path: formatPath([key]), message: `is not a field of the aggregator; ${hint}` };
}
