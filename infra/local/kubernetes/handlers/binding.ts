import { decodeObject } from '../decode/decode.ts';
import { isDryRun } from '../decode/strictness.ts';
import { document } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery, managerOf } from '../http/request.ts';
import { ensureFields, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { updateObject } from '../operations/update.ts';
import { formatTime } from '../schema/time.ts';
import { badRequest, conflict, invalid } from '../status.ts';
import { draftOf } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';
import type { Faults } from '../resources/resource.ts';
import { notSupported, required } from '../validation/faults.ts';
import { namespaceOf } from './context.ts';
import type { Call } from './context.ts';

const expected = { group: '', version: 'v1', kind: 'Binding', struct: 'core.Binding' };

/** POST pods/NAME/binding: what a scheduler does to put a pod on a node. */
export function handleBinding(call: Call): Answer {
  checkQuery(call.request, 'create', ['dryRun', 'fieldManager', 'fieldValidation']);
  const { draft: binding } = decodeObject(call.request, expected);
  const node = stringAt(binding, 'target', 'name');
  const name = call.target.name ?? '';
  const bound = stringAt(binding.metadata, 'name');
  if (bound !== name) throw badRequest('name in URL does not match name in Binding object');
  const faults: Faults = [];
  const kind = stringAt(binding, 'target', 'kind');
  if (kind !== '' && kind !== 'Node') faults.push(notSupported('target.kind', kind, ['Node', '<empty>']));
  if (node === '') faults.push(required('target.name'));
  if (faults.length > 0) throw invalid('Binding', '', bound, faults);
  const options = {
    manager: managerOf(call.request),
    dryRun: isDryRun(call.request, 'CreateOptions'),
    subresource: 'binding',
    // A binding is no update of the pod by its caller: nobody comes to own the node name.
    keepManagedFields: true,
  } as const;
  updateObject(
    call.cluster,
    call.resource,
    namespaceOf(call),
    name,
    (pod) => bind(call, pod, { node, binding }),
    options,
  );
  return document(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

function bind(
  call: Call,
  pod: KubeObject,
  { node, binding }: { readonly node: string; readonly binding: Fields },
): Draft {
  const { name, deletionTimestamp } = pod.metadata;
  const uid = stringAt(binding, 'metadata', 'uid');
  if (uid !== '' && uid !== pod.metadata.uid)
    throw conflict(
      call.resource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`,
    );
  function fail(because: string): never {
    throw conflict({ group: '', plural: 'pods/binding', kind: 'Pod' }, name, because);
  }
  if (deletionTimestamp !== undefined) fail(`pod ${name} is being deleted, cannot be assigned to a host`);
  const assigned = stringAt(pod, 'spec', 'nodeName');
  if (assigned !== '') fail(`pod ${name} is already assigned to node "${assigned}"`);
  if (objectsAt(pod, 'spec', 'schedulingGates').length > 0) fail(`pod ${name} has non-empty .spec.schedulingGates`);
  const draft = draftOf(pod);
  ensureFields(draft, 'spec')['nodeName'] = node;
  const status = ensureFields(draft, 'status');
  const now = formatTime(call.cluster.now());
  const others = objectsAt(status, 'conditions').filter((condition) => condition['type'] !== 'PodScheduled');
  status['conditions'] = [
    ...others,
    { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now },
  ];
  return draft;
}
