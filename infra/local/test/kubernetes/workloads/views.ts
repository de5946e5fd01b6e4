import { at, textAt } from '../api.ts';
import { itemsOf } from './world.ts';

/** `Available True MinimumReplicasAvailable: Deployment has ...`, by type. */
export function conditionsOf(object: unknown): readonly string[] {
  return itemsOf({ items: at(object, 'status.conditions') })
    .map((each) =>
      ['type', 'status', 'reason', 'message']
        .map((field) => textAt(each, field))
        .join(' ')
        .replace(/"(.*)-[a-z0-9]{6,10}"/, '"$1-HASH"'),
    )
    .toSorted();
}

/** The counts of a status, but for terminatingReplicas, which servers before 1.35 do not tell. */
export function countsOf(object: unknown): unknown {
  const status = at(object, 'status');
  if (typeof status !== 'object' || status === null) return status;
  return Object.fromEntries(
    Object.entries(status).filter(([field]) => !['conditions', 'terminatingReplicas'].includes(field)),
  );
}

/** The image of an object's template. */
export function imageOf(object: unknown): string {
  return textAt(object, 'spec.template.spec.containers.0.image');
}

/** Names of ReplicaSets differ between servers by their hash. */
export function withoutHash(text: string): string {
  return text.replace(/-[bcdfghjklmnpqrstvwxz2456789]{6,10}(-[bcdfghjklmnpqrstvwxz2456789]{5})?(?=[ ":]|$)/g, '-HASH');
}

export function revisionOf(object: unknown): unknown {
  const annotations = at(object, 'metadata.annotations');
  return typeof annotations === 'object' && annotations !== null
    ? Reflect.get(annotations, 'deployment.kubernetes.io/revision')
    : undefined;
}
