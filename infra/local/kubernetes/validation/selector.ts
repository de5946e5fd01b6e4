import { listAt, objectsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { checkSyntax } from './check.ts';
import { forbiddenField, invalidValue, required } from './faults.ts';
import { labelValueFaults, qualifiedNameFaults } from './names.ts';

/** A map of labels: keys and values. */
export function checkLabelMap(faults: Faults, path: string, labels: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(labels)) {
    for (const fault of qualifiedNameFaults(key)) faults.push(invalidValue(path, key, fault));
    for (const fault of labelValueFaults(value)) faults.push(invalidValue(path, value, fault));
  }
}

/** A LabelSelector. */
export function checkLabelSelector(faults: Faults, path: string, selector: Fields): void {
  checkLabelMap(faults, `${path}.matchLabels`, stringsAt(selector, 'matchLabels'));
  for (const [index, expression] of objectsAt(selector, 'matchExpressions').entries()) {
    checkExpression(faults, `${path}.matchExpressions[${index}]`, expression);
  }
}

function checkExpression(faults: Faults, path: string, expression: Fields): void {
  const operator = stringAt(expression, 'operator');
  const values = listAt(expression, 'values');
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      faults.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      faults.push(
        forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
  } else {
    faults.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'));
  }
  checkSyntax(faults, `${path}.key`, stringAt(expression, 'key'), qualifiedNameFaults);
  for (const [index, value] of values.entries())
    checkSyntax(faults, `${path}.values[${index}]`, value, labelValueFaults);
}
