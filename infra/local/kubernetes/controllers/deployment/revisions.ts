import type { KubeObject } from '../../types.ts';
import { annotations, revisionOf } from './views.ts';

/** Maximum length of the list of a ReplicaSet's earlier revisions, in characters. */
const longestHistory = 2000;

const notCopied = new Set<string>([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  ...Object.values(annotations),
]);

/** The annotations of the Deployment that its newest ReplicaSet has, too. */
export function copiedAnnotations({ metadata }: KubeObject): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([key]) => !notCopied.has(key)));
}

/** The revision that comes after the old ReplicaSets. */
export function nextRevision(old: readonly KubeObject[]): number {
  return Math.max(0, ...old.map(revisionOf).filter(Number.isSafeInteger)) + 1;
}

/**
 * The annotations of a ReplicaSet that becomes, or is, the given revision. One that was an earlier revision and comes
 * back keeps its old numbers in a list (SetNewReplicaSetAnnotations of pkg/controller/deployment/util).
 */
export function revisionAnnotations(set: KubeObject | undefined, revision: number): Readonly<Record<string, string>> {
  const before = set?.metadata.annotations?.[annotations.revision];
  if (before === undefined) return { [annotations.revision]: `${revision}` };
  // A revision that is no number was written by somebody else, and is theirs.
  if (!(Number(before) < revision)) return {};
  const earlier = (set?.metadata.annotations?.[annotations.revisionHistory] ?? '')
    .split(',')
    .filter((one) => one !== '');
  const history = [...earlier, before];
  while (history.join(',').length > longestHistory) history.shift();
  return { [annotations.revision]: `${revision}`, [annotations.revisionHistory]: history.join(',') };
}
