import { fieldsAt } from '../../json.ts';
import { replicaSets } from '../../resources/workloads.ts';
import { matcherOf } from '../../selectors/label-selector.ts';
import type { KubeObject } from '../../types.ts';
import { claim, inNamespace, isControlledBy } from '../claims.ts';
import { isSameTemplate } from './template-hash.ts';
import { byAge } from './views.ts';
import type { Rollout } from './writes.ts';

/** The ReplicaSets of a Deployment. */
export interface Sets {
  /** The ReplicaSet of the current template; the oldest if there are several. */
  readonly current: KubeObject | undefined;
  /** Oldest first. */
  readonly old: readonly KubeObject[];
  readonly all: readonly KubeObject[];
}

/** Adopts and releases ReplicaSets by their labels. */
export function claimSets({ cluster, deployment }: Rollout): void {
  const matches = matcherOf(fieldsAt(deployment(), 'spec', 'selector'));
  claim(cluster, deployment(), { resource: replicaSets, matches, isCandidate: () => true });
}

/** The ReplicaSets as they are stored at this moment. */
export function setsOf({ cluster, deployment }: Rollout): Sets {
  const owner = deployment();
  const template = fieldsAt(owner, 'spec', 'template');
  const all = inNamespace(cluster, replicaSets, owner.metadata.namespace)
    .filter((set) => isControlledBy(set, owner))
    .toSorted(byAge);
  const current = all.find((set) => isSameTemplate(fieldsAt(set, 'spec', 'template'), template));
  return { current, old: all.filter((set) => set !== current), all };
}
