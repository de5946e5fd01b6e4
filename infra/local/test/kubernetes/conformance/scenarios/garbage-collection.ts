import { configMap, get, paths, post, remove } from '../step.ts';
import type { RawAnswer, Scenario } from '../step.ts';

const { configMaps } = paths;

function isGone(answer: RawAnswer): boolean {
  return answer.code === 404;
}

/** Owners and dependents, in the three ways of deleting. */
export const garbageCollectionScenario: Scenario = {
  name: 'garbage-collection',
  steps: [
    post(configMaps, configMap('own'), { save: { u: 'metadata.uid' } }),
    post(
      configMaps,
      configMap(
        'dep',
        {},
        {
          ownerReferences: [
            { apiVersion: 'v1', kind: 'ConfigMap', name: 'own', uid: '${u}', blockOwnerDeletion: true },
          ],
        },
      ),
    ),
    remove(`${configMaps}/own`, { propagationPolicy: 'Foreground' }),
    get(`${configMaps}/own`, { until: isGone }),
    get(`${configMaps}/dep`),
    post(configMaps, configMap('own2'), { save: { u2: 'metadata.uid' } }),
    post(
      configMaps,
      configMap('dep2', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'own2', uid: '${u2}' }] }),
    ),
    remove(`${configMaps}/own2`, { propagationPolicy: 'Orphan' }),
    get(`${configMaps}/dep2`, { until: (answer) => !JSON.stringify(answer.body).includes('ownerReferences') }),
    get(`${configMaps}/own2`),
    post(configMaps, configMap('own3'), { save: { u3: 'metadata.uid' } }),
    post(
      configMaps,
      configMap('dep3', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'own3', uid: '${u3}' }] }),
    ),
    remove(`${configMaps}/own3`),
    get(`${configMaps}/dep3`, { until: isGone }),
    remove(`${configMaps}/dep2?propagationPolicy=Foreground`),
    remove(`${configMaps}/zz?orphanDependents=true`),
  ],
};
