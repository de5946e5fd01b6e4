import { fieldsAt } from '../../json.ts';
import type { KubeObject } from '../../types.ts';
import { isRolling, replicasOf } from './views.ts';

/** How far a rolling update may deviate from the wanted number of pods. */
export interface Bounds {
  /** Above it. */
  readonly maxSurge: number;
  /** Below it. */
  readonly maxUnavailable: number;
}

/** ResolveFenceposts of pkg/controller/deployment/util: if both were 0, no update could start. */
export function boundsOf(deployment: KubeObject): Bounds {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const replicas = replicasOf(deployment);
  const rolling = fieldsAt(deployment, 'spec', 'strategy', 'rollingUpdate');
  const maxSurge = scaled(rolling['maxSurge'], replicas, Math.ceil);
  const unavailable = scaled(rolling['maxUnavailable'], replicas, Math.floor);
  const maxUnavailable = maxSurge === 0 && unavailable === 0 ? 1 : unavailable;
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}

/** A number, or a percentage of `total`. */
function scaled(value: unknown, total: number, round: (share: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(typeof value === 'string' ? value : '')?.[1] ?? '0';
  return round((Number(percent) * total) / 100);
}
