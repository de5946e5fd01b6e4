import { apply, merge, paths, post } from '../step.ts';
import type { Scenario } from '../step.ts';

const { secrets } = paths;

/** Secrets: data, types, stringData. */
export const secretsScenario: Scenario = {
  name: 'secrets',
  steps: [
    post(secrets, { metadata: { name: 's' }, stringData: { a: 'x' }, data: { b: 'eA==' } }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, data: { b: '!!' } }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, data: { b: 'abc' } }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, data: { 'b c': 'eA==' } }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, type: 'kubernetes.io/dockerconfigjson', data: {} }),
    post(
      `${secrets}?dryRun=All`,
      {
        metadata: { name: 't' },
        type: 'kubernetes.io/dockerconfigjson',
        stringData: { '.dockerconfigjson': 'x' },
      },
      { differs: 'the decoder says more' },
    ),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, type: 'kubernetes.io/tls', data: { 'tls.crt': 'eA==' } }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, type: 'kubernetes.io/basic-auth', data: {} }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, type: 'kubernetes.io/ssh-auth', data: {} }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, type: 'kubernetes.io/service-account-token', data: {} }),
    merge(`${secrets}/s`, { type: 'foo' }),
    merge(`${secrets}/s`, { stringData: { c: 'y' } }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, data: { b: 3 } }),
    post(`${secrets}?dryRun=All`, { metadata: { name: 't' }, type: '', stringData: null, data: null }),
    apply(`${secrets}/s?fieldManager=x`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      stringData: { z: 'q' },
    }),
    apply(
      `${secrets}/s?fieldManager=x`,
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's' },
        data: { z: '!!' },
      },
      { differs: 'the namespace is in the sentence' },
    ),
  ],
};
