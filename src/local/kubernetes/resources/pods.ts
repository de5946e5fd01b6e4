import { applyPodDefaults, applyPodSpecDefaults } from '../defaults/pod-spec.ts';
import { ensureFields, fieldsAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { podPrinter } from '../printers/pods.ts';
import type { Draft } from '../types.ts';
import { admitPod } from './pod-admission.ts';
import { qosClassOf } from './pod-qos.ts';
import type { Resource } from './resource.ts';

export const pods: Resource = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  struct: 'core.Pod',
  subresources: [
    'attach',
    'binding',
    'ephemeralcontainers',
    'eviction',
    'exec',
    'log',
    'portforward',
    'proxy',
    'resize',
    'status',
  ],
  countsGenerations: true,
  unconditionalUpdate: true,
  returnsDeleted: true,
  defaultPropagation: 'background',
  nameRule: 'subdomain',
  printer: podPrinter,
  applyDefaults: (draft: Draft) => {
    const spec = ensureFields(draft, 'spec');
    applyPodSpecDefaults(spec);
    applyPodDefaults(spec);
  },
  prepareForCreate: (draft) => {
    admitPod(draft);
    draft['status'] = { phase: 'Pending', qosClass: qosClassOf(fieldsAt(draft, 'spec')) };
  },
  prepareForUpdate: (draft, old) => {
    draft['status'] = old['status'];
  },
  fieldLabels: (object) => podFieldLabels(object),
};

const podFieldLabels = (pod: Fields): Readonly<Record<string, string>> => ({
  'spec.nodeName': stringAt(pod, 'spec', 'nodeName'),
  'spec.restartPolicy': stringAt(pod, 'spec', 'restartPolicy'),
  'spec.schedulerName': stringAt(pod, 'spec', 'schedulerName'),
  'spec.serviceAccountName': stringAt(pod, 'spec', 'serviceAccountName'),
  'spec.hostNetwork': `${fieldsAt(pod, 'spec')['hostNetwork'] === true}`,
  'status.phase': stringAt(pod, 'status', 'phase'),
  'status.podIP': stringAt(objectsAt(pod, 'status', 'podIPs')[0], 'ip'),
  'status.nominatedNodeName': stringAt(pod, 'status', 'nominatedNodeName'),
});
