import { objectsAt, stringAt } from '../json.ts';
import type { Printer } from '../resources/resource.ts';
import type { KubeObject } from '../types.ts';
import { ageColumn, column, nameColumn, wideColumn } from './columns.ts';
import { age } from './duration.ts';

export const nodePrinter: Printer = {
  columns: [
    nameColumn,
    column('Status', 'The status of the node.'),
    column('Roles', 'The roles of the node.'),
    ageColumn,
    column('Version', 'Version of the kubelet.'),
    wideColumn('Internal-IP', 'Address inside the cluster.'),
    wideColumn('External-IP', 'Address outside the cluster.'),
    wideColumn('OS-Image', 'Operating system.'),
    wideColumn('Kernel-Version', 'Kernel.'),
    wideColumn('Container-Runtime', 'What runs the containers.'),
  ],
  cells: (node, now) => [
    node.metadata.name,
    statusOf(node),
    rolesOf(node),
    age(node.metadata.creationTimestamp, now),
    info(node, 'kubeletVersion'),
    addressOf(node, 'InternalIP'),
    addressOf(node, 'ExternalIP'),
    info(node, 'osImage') || '<unknown>',
    info(node, 'kernelVersion') || '<unknown>',
    info(node, 'containerRuntimeVersion') || '<unknown>',
  ],
};

function info(node: KubeObject, field: string): string {
  return stringAt(node, 'status', 'nodeInfo', field);
}

function statusOf(node: KubeObject): string {
  const ready = objectsAt(node, 'status', 'conditions').find((each) => each['type'] === 'Ready');
  const status = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
  const spec = node['spec'];
  const isClosed = typeof spec === 'object' && spec !== null && 'unschedulable' in spec && spec.unschedulable === true;
  return isClosed ? `${status},SchedulingDisabled` : status;
}

function rolesOf(node: KubeObject): string {
  const labels = Object.entries(node.metadata.labels ?? {});
  const roles = labels.flatMap(([key, value]) => {
    if (key.startsWith('node-role.kubernetes.io/')) return [key.slice('node-role.kubernetes.io/'.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return (
    roles
      .filter((role) => role !== '')
      .toSorted()
      .join(',') || '<none>'
  );
}

function addressOf(node: KubeObject, type: string): string {
  return (
    stringAt(
      objectsAt(node, 'status', 'addresses').find((each) => each['type'] === type),
      'address',
    ) || '<none>'
  );
}
