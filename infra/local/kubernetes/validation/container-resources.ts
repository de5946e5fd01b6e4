import { fieldsAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { parseQuantity } from '../schema/quantity.ts';
import { checkSyntax } from './check.ts';
import { invalidValue, required } from './faults.ts';
import { qualifiedNameFaults } from './names.ts';

const standard = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** `resources` of a container. */
export function checkResources(faults: Faults, path: string, container: Fields): void {
  const resources = fieldsAt(container, 'resources');
  const limits = stringsAt(resources, 'limits');
  const requests = stringsAt(resources, 'requests');
  checkAmounts(faults, `${path}.resources.limits`, limits);
  checkRequests(faults, `${path}.resources`, requests, limits);
}

function checkAmounts(faults: Faults, path: string, amounts: Readonly<Record<string, string>>): void {
  for (const [name, amount] of Object.entries(amounts)) checkAmount(faults, `${path}[${name}]`, name, amount);
}

function checkAmount(faults: Faults, path: string, name: string, amount: string): void {
  checkSyntax(faults, path, name, qualifiedNameFaults);
  if (qualifiedNameFaults(name).length === 0 && !name.includes('/') && !isStandard(name)) {
    faults.push(invalidValue(path, name, 'must be a standard resource type or fully qualified'));
  }
  if (!name.includes('/') && !isStandard(name))
    faults.push(invalidValue(path, name, 'must be a standard resource for containers'));
  if (valueOf(amount) < 0n) faults.push(invalidValue(path, amount, 'must be greater than or equal to 0'));
  if (isExtended(name) && valueOf(amount) % 1_000_000_000n !== 0n)
    faults.push(invalidValue(path, amount, 'must be an integer'));
}

function isStandard(name: string): boolean {
  return standard.has(name) || name.startsWith('hugepages-');
}

function valueOf(text: string): bigint {
  return parseQuantity(text)?.nanos ?? 0n;
}

/** Extended resources, such as devices, which cannot be overcommitted. */
function isExtended(name: string): boolean {
  return name.includes('/') && !name.split('/')[0]?.endsWith('kubernetes.io');
}

function checkRequests(
  faults: Faults,
  path: string,
  requests: Readonly<Record<string, string>>,
  limits: Readonly<Record<string, string>>,
): void {
  for (const [name, amount] of Object.entries(requests)) {
    checkAmount(faults, `${path}.requests[${name}]`, name, amount);
    const limit = limits[name];
    const overcommits = !isExtended(name) && !name.startsWith('hugepages-');
    if (limit === undefined) {
      if (!overcommits) faults.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'));
    } else if (!overcommits && valueOf(amount) !== valueOf(limit)) {
      faults.push(invalidValue(`${path}.requests`, amount, `must be equal to ${name} limit of ${limit}`));
    } else if (valueOf(amount) > valueOf(limit)) {
      faults.push(invalidValue(`${path}.requests`, amount, `must be less than or equal to ${name} limit of ${limit}`));
    }
  }
}
