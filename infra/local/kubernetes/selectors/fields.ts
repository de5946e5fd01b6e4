import { badRequest } from '../status.ts';
import type { Resource } from '../resources/resource.ts';
import type { KubeObject } from '../types.ts';

export type FieldMatcher = (object: KubeObject) => boolean;

/** Reads a field selector (`a=b,c!=d`) for one resource. Throws 400 for fields that cannot be selected by. */
export function parseFieldSelector(text: string, resource: Resource): FieldMatcher {
  const terms = splitTerms(text).map((term) => {
    const [, field = '', operator = '', value = ''] = /^([^=!]*)(==|!=|=)(.*)$/s.exec(term) ?? [];
    if (operator === '') throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    return { field, isEqual: operator !== '!=', value: unescape(value) };
  });
  const known = Object.keys(fieldsOf(resource, undefined));
  for (const { field } of terms) if (!known.includes(field)) throw badRequest(unknownField(field, resource));
  return (object) => {
    const fields = fieldsOf(resource, object);
    return terms.every(({ field, isEqual, value }) => (fields[field] === value) === isEqual);
  };
}

/** Commas separate the terms, unless escaped with a backslash. */
function splitTerms(text: string): readonly string[] {
  return text
    .split(/(?<!\\)(?:\\\\)*,/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function unescape(value: string): string {
  return value.replace(/\\([\\,=])/g, '$1');
}

function fieldsOf(resource: Resource, object: KubeObject | undefined): Readonly<Record<string, string>> {
  return {
    'metadata.name': object?.metadata.name ?? '',
    ...(resource.namespaced && { 'metadata.namespace': object?.metadata.namespace ?? '' }),
    ...resource.fieldLabels?.(object ?? {}),
  };
}

function unknownField(field: string, resource: Resource): string {
  if (resource.fieldLabels === undefined) {
    const known = resource.namespaced ? '"metadata.name", "metadata.namespace"' : '"metadata.name"';
    return `"${field}" is not a known field selector: only ${known}`;
  }
  return resource.kind === 'Job'
    ? `field label "${field}" not supported for Job`
    : `field label not supported: ${field}`;
}
