import { fieldsAt, isFields, objectsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { checkOneOf, checkSyntax } from './check.ts';
import { invalidValue, notSupported, required } from './faults.ts';
import { labelValueFaults, qualifiedNameFaults } from './names.ts';
import { checkLabelMap, checkLabelSelector } from './selector.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const nodeOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];
const during = 'DuringSchedulingIgnoredDuringExecution';

/** Where a pod may run: nodeSelector, affinity, tolerations, topologySpreadConstraints. */
export function checkScheduling(faults: Faults, path: string, spec: Fields): void {
  checkLabelMap(faults, `${path}.nodeSelector`, stringsAt(spec, 'nodeSelector'));
  checkAffinity(faults, `${path}.affinity`, fieldsAt(spec, 'affinity'));
  for (const [index, toleration] of objectsAt(spec, 'tolerations').entries())
    checkToleration(faults, `${path}.tolerations[${index}]`, toleration);
  for (const [index, constraint] of objectsAt(spec, 'topologySpreadConstraints').entries()) {
    checkSpread(faults, `${path}.topologySpreadConstraints[${index}]`, constraint);
  }
}

function checkAffinity(faults: Faults, path: string, affinity: Fields): void {
  const node = fieldsAt(affinity, 'nodeAffinity');
  const hard = node[`required${during}`];
  if (isFields(hard)) checkNodeTerms(faults, `${path}.nodeAffinity.required${during}`, hard);
  for (const [index, preferred] of objectsAt(node, `preferred${during}`).entries()) {
    const at = `${path}.nodeAffinity.preferred${during}[${index}]`;
    checkWeight(faults, at, preferred);
    checkNodeTerm(faults, `${at}.preference`, fieldsAt(preferred, 'preference'));
  }
  for (const kind of ['podAffinity', 'podAntiAffinity'])
    checkPodAffinity(faults, `${path}.${kind}`, fieldsAt(affinity, kind));
}

function checkNodeTerms(faults: Faults, path: string, selector: Fields): void {
  const terms = objectsAt(selector, 'nodeSelectorTerms');
  if (terms.length === 0)
    faults.push(required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term'));
  for (const [index, term] of terms.entries()) checkNodeTerm(faults, `${path}.nodeSelectorTerms[${index}]`, term);
}

function checkNodeTerm(faults: Faults, path: string, term: Fields): void {
  for (const [index, expression] of objectsAt(term, 'matchExpressions').entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    const operator = stringAt(expression, 'operator');
    const values = Array.isArray(expression['values']) ? expression['values'] : [];
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
      faults.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    }
    if ((operator === 'Gt' || operator === 'Lt') && values.length !== 1) {
      faults.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
    }
    if (!nodeOperators.includes(operator))
      faults.push(invalidValue(`${at}.operator`, operator, 'not a valid selector operator'));
    checkSyntax(faults, `${at}.key`, stringAt(expression, 'key'), qualifiedNameFaults);
  }
}

function checkWeight(faults: Faults, path: string, preferred: Fields): void {
  const weight = preferred['weight'];
  if (typeof weight !== 'number' || weight < 1 || weight > 100)
    faults.push(invalidValue(`${path}.weight`, weight, 'must be in the range 1-100'));
}

function checkPodAffinity(faults: Faults, path: string, affinity: Fields): void {
  for (const [index, term] of objectsAt(affinity, `required${during}`).entries())
    checkPodTerm(faults, `${path}.required${during}[${index}]`, term);
  for (const [index, preferred] of objectsAt(affinity, `preferred${during}`).entries()) {
    const at = `${path}.preferred${during}[${index}]`;
    checkWeight(faults, at, preferred);
    checkPodTerm(faults, `${at}.podAffinityTerm`, fieldsAt(preferred, 'podAffinityTerm'));
  }
}

function checkPodTerm(faults: Faults, path: string, term: Fields): void {
  const selector = term['labelSelector'];
  if (isFields(selector)) checkLabelSelector(faults, `${path}.labelSelector`, selector);
  const key = stringAt(term, 'topologyKey');
  if (key === '') faults.push(required(`${path}.topologyKey`, 'can not be empty'));
  checkSyntax(faults, `${path}.topologyKey`, key, qualifiedNameFaults);
}

function checkToleration(faults: Faults, path: string, toleration: Fields): void {
  const key = stringAt(toleration, 'key');
  const operator = stringAt(toleration, 'operator');
  const value = stringAt(toleration, 'value');
  const effect = stringAt(toleration, 'effect');
  if (key !== '') checkSyntax(faults, `${path}.key`, key, qualifiedNameFaults);
  if (key === '' && operator !== 'Exists') {
    faults.push(
      invalidValue(
        `${path}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ),
    );
  }
  if (toleration['tolerationSeconds'] !== undefined && effect !== 'NoExecute') {
    faults.push(invalidValue(`${path}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
  }
  if (operator === '' || operator === 'Equal') checkSyntax(faults, `${path}.operator`, value, labelValueFaults);
  else if (operator !== 'Exists') faults.push(notSupported(`${path}.operator`, operator, ['Equal', 'Exists']));
  else if (value !== '')
    faults.push(invalidValue(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"));
  if (effect !== '') checkOneOf(faults, `${path}.effect`, effect, effects);
}

function checkSpread(faults: Faults, path: string, constraint: Fields): void {
  const skew = constraint['maxSkew'];
  if (typeof skew !== 'number' || skew <= 0)
    faults.push(invalidValue(`${path}.maxSkew`, skew, 'must be greater than zero'));
  if (stringAt(constraint, 'topologyKey') === '') faults.push(required(`${path}.topologyKey`, 'can not be empty'));
  checkOneOf(faults, `${path}.whenUnsatisfiable`, stringAt(constraint, 'whenUnsatisfiable'), [
    'DoNotSchedule',
    'ScheduleAnyway',
  ]);
}
