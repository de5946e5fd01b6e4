import { configMap, get, merge, paths, post, remove } from '../step.ts';
import type { Scenario } from '../step.ts';

const { configMaps } = paths;

/** Namespaces and their end. */
export const namespacesScenario: Scenario = {
  name: 'namespaces',
  steps: [
    post('/api/v1/namespaces', { metadata: { name: 'Bad_Name' } }),
    post('/api/v1/namespaces', { metadata: { name: 'a.b' } }),
    post('/api/v1/namespaces?dryRun=All', { metadata: { name: 'zz-$NS', labels: { a: 'b' } } }),
    merge('/api/v1/namespaces/$NS', { metadata: { labels: { x: 'y' } } }),
    merge('/api/v1/namespaces/$NS', { metadata: { labels: { 'kubernetes.io/metadata.name': 'foo' } } }),
    merge('/api/v1/namespaces/$NS', { status: { phase: 'Terminating' } }),
    remove('/api/v1/namespaces/default'),
    remove('/api/v1/namespaces/kube-system'),
    remove('/api/v1/namespaces/nope'),
    get('/api/v1/namespaces/kube-system', { ignore: ['metadata'] }),
    post(configMaps, configMap('f', {}, { finalizers: ['example.com/x'] })),
    remove('/api/v1/namespaces/$NS'),
    remove('/api/v1/namespaces/$NS', undefined, { ignore: ['conditions'] }),
    post(configMaps, configMap('late')),
    merge(`${configMaps}/f`, { metadata: { finalizers: null } }, { ignore: ['deletion'] }),
  ],
};
