import { configMap, get, jsonPatch, merge, paths, post, strategic } from '../step.ts';
import type { Scenario } from '../step.ts';

const { configMaps, pods } = paths;

/** JSON patch, merge patch, strategic merge patch. */
export const patchesScenario: Scenario = {
  name: 'patches',
  steps: [
    post(configMaps, configMap('p', { a: '1', b: '2' })),
    jsonPatch(`${configMaps}/p`, [
      { op: 'add', path: '/data/c', value: '3' },
      { op: 'remove', path: '/data/a' },
      { op: 'test', path: '/data/b', value: '2' },
      { op: 'move', from: '/data/b', path: '/data/d' },
      { op: 'copy', from: '/data/d', path: '/data/e' },
      { op: 'replace', path: '/data/e', value: '9' },
    ]),
    jsonPatch(`${configMaps}/p`, [{ op: 'test', path: '/data/c', value: 'x' }]),
    jsonPatch(`${configMaps}/p`, [{ op: 'remove', path: '/data/zz' }]),
    jsonPatch(`${configMaps}/p`, [{ op: 'foo', path: '/data/zz' }]),
    jsonPatch(`${configMaps}/p`, {}),
    jsonPatch(`${configMaps}/p`, 'x'),
    merge(`${configMaps}/p`, 'x'),
    merge(`${configMaps}/p`, '[]'),
    strategic(`${configMaps}/p`, 'x'),
    strategic(`${configMaps}/p`, '[]'),
    merge(`${configMaps}/p`, {}, { type: 'application/json' }),
    merge(`${configMaps}/nope`, {}),
    merge(
      `${configMaps}/p?fieldValidation=Strict`,
      { foo: 1 },
      { differs: 'the patched object is shown with its fields in another order' },
    ),
    merge(`${configMaps}/p`, { foo: 1 }),
    merge(`${configMaps}/p`, '{"data":{"a":"1","a":"2"}}'),
    merge(`${configMaps}/p?fieldValidation=Ignore`, '{"data":{"a":"3","a":"1"}}'),
    merge(`${configMaps}/p?fieldValidation=Strict`, '{"data":{"a":"1","a":"2"}}', {
      differs: 'the patched object is shown with its fields in another order',
    }),
    strategic(`${configMaps}/p`, '{"data":{"a":"2","a":"1"},"foo":1}'),
    strategic(`${configMaps}/p?fieldValidation=Strict`, '{"data":{"a":"1","a":"2"}}', {
      differs: 'the patched object is shown as a map of Go',
    }),
    jsonPatch(`${configMaps}/p`, '[{"op":"add","op":"test","path":"/data/a","value":"1","foo":1}]'),
    jsonPatch(`${configMaps}/p?fieldValidation=Strict`, '[{"op":"test","op":"test","path":"/data/a","value":"1"}]', {
      differs: 'the patched object is shown with its fields in another order',
    }),
    merge(
      `${configMaps}/p`,
      { data: { x: 1 } },
      { differs: 'the patched object is shown with its fields in another order' },
    ),
    merge(`${configMaps}/p`, { metadata: { resourceVersion: '1' }, data: { a: 'q' } }),
    merge(`${configMaps}/p?force=true`, {}),
    merge(`${configMaps}/p?dryRun=All`, { data: { dry: 'x' } }),
    get(`${configMaps}/p`),
    merge(
      `${configMaps}/p`,
      { kind: 'Foo' },
      { differs: 'a kind that does not exist is refused as in a body', code: 400 },
    ),
    merge(`${configMaps}/p`, { data: null }),
    post(pods, {
      metadata: { name: 'p' },
      spec: {
        containers: [
          {
            name: 'a',
            image: 'i',
            env: [
              { name: 'x', value: '1' },
              { name: 'y', value: '2' },
            ],
            ports: [{ containerPort: 80 }],
          },
          { name: 'b', image: 'j' },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
        tolerations: [{ key: 'q' }],
      },
    }),
    strategic(`${pods}/p?dryRun=All`, { spec: { containers: [{ name: 'b', image: 'k' }] } }),
    strategic(
      `${pods}/p?dryRun=All`,
      {
        spec: {
          '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
          containers: [
            { name: 'b', image: 'k' },
            { name: 'a', image: 'z' },
          ],
        },
      },
      { differs: 'the sentence does not show what differs' },
    ),
    strategic(`${pods}/p?dryRun=All`, { metadata: { finalizers: ['example.com/a'], annotations: { x: 'y' } } }),
    strategic(
      `${pods}/p?dryRun=All`,
      { spec: { containers: [{ image: 'k' }] } },
      { differs: 'the item is shown as JSON' },
    ),
  ],
};
