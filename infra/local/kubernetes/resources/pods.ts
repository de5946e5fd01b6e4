import { applyPodDefaults, applyPodSpecDefaults } from '../defaults/pod-spec.ts';
import { ensureFields, fieldsAt, numberAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { podPrinter } from '../printers/pods.ts';
import { formatTime } from '../schema/time.ts';
import type { Draft } from '../types.ts';
import { addDefaultTolerations, admitPod } from './pod-admission.ts';
import { qosClassOf } from './pod-qos.ts';
import type { Resource } from './resource.ts';
import { checkGates, checkPodSpec } from '../validation/pod-spec.ts';
import { checkPodUpdate } from '../validation/pod-update.ts';

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
  validate: (draft, faults) => {
    checkPodSpec(faults, 'spec', fieldsAt(draft, 'spec'));
    checkGates(faults, 'spec', fieldsAt(draft, 'spec'));
  },
  validateUpdate: (draft, old, faults) => checkPodUpdate(faults, draft, old),
  applyDefaults: (draft: Draft) => {
    const spec = ensureFields(draft, 'spec');
    applyPodSpecDefaults(spec);
    applyPodDefaults(spec);
    mirrorAddress(fieldsAt(draft, 'status'));
  },
  prepareForCreate: (draft, cluster) => {
    admitPod(draft);
    const spec = ensureFields(draft, 'spec');
    // A negative grace period means the shortest.
    if ((numberAt(spec, 'terminationGracePeriodSeconds') ?? 0) < 0) spec['terminationGracePeriodSeconds'] = 1;
    const isGated = objectsAt(spec, 'schedulingGates').length > 0;
    draft['status'] = {
      phase: 'Pending',
      qosClass: qosClassOf(spec),
      ...(isGated && { conditions: [gated(formatTime(cluster.now()))] }),
    };
  },
  prepareForUpdate: (draft, old) => {
    draft['status'] = old['status'];
    addDefaultTolerations(draft);
  },
  fieldLabels: (object) => podFieldLabels(object),
};

/** The older single address and the list of addresses are kept equal. */
function mirrorAddress(status: Fields): void {
  const [first] = objectsAt(status, 'podIPs');
  const address = stringAt(status, 'podIP');
  if (address !== '' && stringAt(first, 'ip') !== address) status['podIPs'] = [{ ip: address }];
  if (address === '' && first !== undefined) status['podIP'] = first['ip'];
}

function gated(now: string): Fields {
  return {
    type: 'PodScheduled',
    status: 'False',
    lastProbeTime: null,
    lastTransitionTime: now,
    reason: 'SchedulingGated',
    message: 'Scheduling is blocked due to non-empty scheduling gates',
  };
}

function podFieldLabels(pod: Fields): Readonly<Record<string, string>> {
  return {
    'spec.nodeName': stringAt(pod, 'spec', 'nodeName'),
    'spec.restartPolicy': stringAt(pod, 'spec', 'restartPolicy'),
    'spec.schedulerName': stringAt(pod, 'spec', 'schedulerName'),
    'spec.serviceAccountName': stringAt(pod, 'spec', 'serviceAccountName'),
    'spec.hostNetwork': `${fieldsAt(pod, 'spec')['hostNetwork'] === true}`,
    'status.phase': stringAt(pod, 'status', 'phase'),
    'status.podIP': stringAt(objectsAt(pod, 'status', 'podIPs')[0], 'ip'),
    'status.nominatedNodeName': stringAt(pod, 'status', 'nominatedNodeName'),
  };
}
