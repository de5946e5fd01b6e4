import { configMap, merge, paths, post } from '../step.ts';
import type { Scenario } from '../step.ts';

const { configMaps } = paths;

/** Names, labels, annotations, finalizers, owners, and what of them an update may change. */
export const metadataScenario: Scenario = {
  name: 'metadata',
  steps: [
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { labels: { 'bad key': 'v' } })),
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { labels: { k: 'bad value!' } })),
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { labels: { 'a/b/c': 'v' } })),
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { labels: { '/b': 'v' } })),
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { labels: { 'A_/b': 'v', 'x/': '1' } })),
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { labels: { k: 'v'.repeat(64) } })),
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { annotations: { 'bad key': 'v' } })),
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { finalizers: ['x'] })),
    post(`${configMaps}?dryRun=All`, configMap('a', {}, { finalizers: ['example.com/x'] })),
    post(`${configMaps}?dryRun=All`, configMap('a'.repeat(254))),
    post(`${configMaps}?dryRun=All`, { metadata: { generateName: 'Bad_' } }),
    post(
      `${configMaps}?dryRun=All`,
      configMap('a', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: '', uid: '' }] }),
    ),
    post(
      `${configMaps}?dryRun=All`,
      configMap(
        'a',
        {},
        {
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'b', controller: true },
            { apiVersion: 'v1', kind: 'Pod', name: 'a2', uid: 'b2', controller: true },
          ],
        },
      ),
    ),
    post(
      `${configMaps}?dryRun=All`,
      configMap('a', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'a', uid: 'b' }] }),
    ),
    post(`${configMaps}?dryRun=All`, {
      metadata: {
        name: 'a',
        namespace: '',
        generation: 7,
        uid: 'x',
        creationTimestamp: '2020-01-01T00:00:00Z',
        deletionTimestamp: '2020-01-01T00:00:00Z',
        selfLink: '/x',
      },
    }),
    post(`${configMaps}?dryRun=All`, configMap('a', { 'bad key': 'x', '..': 'y', '..a': 'z' })),
    post(`${configMaps}?dryRun=All`, { metadata: { name: 'a' }, data: { a: '1' }, binaryData: { a: 'AA==' } }),
    post(`${configMaps}?dryRun=All`, { metadata: { name: 'a' }, binaryData: { b: '!!' } }),
    post(`${configMaps}?dryRun=All`, { metadata: { name: 'a' }, data: { a: 'x'.repeat(1048577) } }),
    post(configMaps, configMap('imm', { a: '1' })),
    merge(`${configMaps}/imm`, { immutable: true }),
    merge(`${configMaps}/imm`, { data: { a: '2' } }),
    merge(`${configMaps}/imm`, { immutable: false }),
    merge(`${configMaps}/imm`, { metadata: { uid: 'x' } }, { ignore: ['causes.1'] }),
    merge(`${configMaps}/imm`, { metadata: { creationTimestamp: '2020-01-01T00:00:00Z' } }),
    merge(`${configMaps}/imm`, { metadata: { name: 'other' } }),
    merge(`${configMaps}/imm`, { metadata: { namespace: 'other' } }),
    merge(`${configMaps}/imm`, { metadata: { name: null } }),
    merge(`${configMaps}/imm`, { metadata: { labels: { a: 'b' } } }),
    merge(`${configMaps}/imm`, { metadata: { labels: { a: 'b' } } }),
    merge(`${configMaps}/imm`, { metadata: { labels: null } }),
  ],
};
