import { containersOf } from '../defaults/pod-spec.ts';
import { stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';

/** Guaranteed: every container has limits for cpu and memory and equal requests. BestEffort: no container has any. */
export function qosClassOf(spec: Fields): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = containersOf(spec).map((container) => ({
    limits: stringsAt(container, 'resources', 'limits'),
    requests: stringsAt(container, 'resources', 'requests'),
  }));
  function asks(amounts: Readonly<Record<string, string>>): boolean {
    return ['cpu', 'memory'].some((name) => (amounts[name] ?? '0') !== '0');
  }
  if (!containers.some(({ limits, requests }) => asks(limits) || asks(requests))) return 'BestEffort';
  const isGuaranteed = containers.every(({ limits, requests }) =>
    ['cpu', 'memory'].every(
      (name) => (limits[name] ?? '0') !== '0' && limits[name] === (requests[name] ?? limits[name]),
    ),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}
