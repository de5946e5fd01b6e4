import type { KubeObject } from '../cluster/release-port.ts';
import type { Issue } from '../errors.ts';

/** How a cluster comes to serve the kinds that not every cluster has. */
const REMEDIES: Readonly<Record<string, string>> = {
  Mapping: 'install Emissary-ingress 3 with its CRDs',
  HTTPRoute: 'install the Gateway API’s CRDs (on GKE: gcloud container clusters update CLUSTER --gateway-api=standard)',
};

/**
 * What an API server refused of an object, a kind that it does not serve told with the remedy: the namespace is known
 * to be there by then.
 */
export function explainUnserved({ apiVersion, kind }: KubeObject, issues: readonly Issue[]): readonly Issue[] {
  const remedy = Object.hasOwn(REMEDIES, kind) ? REMEDIES[kind] : undefined;
  if (remedy === undefined) return issues;
  return issues.map((issue) => {
    if (issue.path !== 'kind') return issue;
    const message = `the cluster serves no ${apiVersion} ${kind}: ${remedy}, or choose another service.routing (routing: none makes no route)`;
    return { path: '', message };
  });
}
