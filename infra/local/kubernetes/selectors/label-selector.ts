import { listAt, objectsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { LabelMatcher } from './labels.ts';

/** The predicate of a LabelSelector of a spec. An empty one selects everything. */
export function matcherOf(selector: Fields): LabelMatcher {
  const equal = Object.entries(stringsAt(selector, 'matchLabels'));
  const matchers = objectsAt(selector, 'matchExpressions').map(expressionMatcher);
  return (labels) =>
    equal.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value) &&
    matchers.every((matches) => matches(labels));
}

function expressionMatcher(expression: Fields): LabelMatcher {
  const key = stringAt(expression, 'key');
  const values = new Set(listAt(expression, 'values'));
  switch (stringAt(expression, 'operator')) {
    case 'In':
      return (labels) => Object.hasOwn(labels, key) && values.has(labels[key]);
    case 'NotIn':
      return (labels) => !Object.hasOwn(labels, key) || !values.has(labels[key]);
    case 'Exists':
      return (labels) => Object.hasOwn(labels, key);
    case 'DoesNotExist':
      return (labels) => !Object.hasOwn(labels, key);
    default:
      // Validation allows no other operator.
      return () => false;
  }
}
