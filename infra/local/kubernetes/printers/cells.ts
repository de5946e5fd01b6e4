import { fieldsAt, objectsAt, listAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';

const operators: Readonly<Record<string, string>> = { In: 'in', NotIn: 'notin' };

/** Names and images of the containers of a pod spec, as the Containers and Images columns show them. */
export function containerCells(spec: Fields): readonly [names: string, images: string] {
  const containers = objectsAt(spec, 'containers');
  return [
    containers.map((container) => stringAt(container, 'name')).join(','),
    containers.map((container) => stringAt(container, 'image')).join(','),
  ];
}

/** A LabelSelector in the string form (metav1.FormatLabelSelector); `<none>` when it selects nothing or everything. */
export function formatSelector(selector: Fields): string {
  const labels = Object.entries(stringsAt(selector, 'matchLabels')).map(([key, value]) => ({
    key,
    text: `${key}=${value}`,
  }));
  const expressions = objectsAt(selector, 'matchExpressions').map((expression) => ({
    key: stringAt(expression, 'key'),
    text: formatExpression(expression),
  }));
  const all = [...labels, ...expressions].toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ text }) => text);
  return all.length === 0 ? '<none>' : all.join(',');
}

function formatExpression(expression: Fields): string {
  const key = stringAt(expression, 'key');
  const operator = stringAt(expression, 'operator');
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  return `${key} ${operators[operator] ?? operator} (${listAt(expression, 'values').map(String).toSorted(byText).join(',')})`;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

/** `a=1,b=2`, or `<none>`. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(',');
}

export function podSpecOfTemplate(object: Fields): Fields {
  return fieldsAt(object, 'spec', 'template', 'spec');
}
