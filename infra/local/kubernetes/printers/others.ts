import { fieldsAt, listAt, numberAt, objectsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Column, Printer } from '../resources/resource.ts';
import type { KubeObject } from '../types.ts';
import { containerCells, formatLabels, formatSelector, podSpecOfTemplate } from './cells.ts';
import { ageColumn, column, nameColumn, wideColumn } from './columns.ts';
import { age } from './duration.ts';

export const namespacePrinter = simplePrinter([column('Status', 'The status of the namespace.')], (namespace) => [
  stringAt(namespace, 'status', 'phase'),
]);

export const secretPrinter = simplePrinter(
  [column('Type', 'What the secret is for.'), column('Data', 'How many keys it has.')],
  (secret) => [stringAt(secret, 'type'), countOf(fieldsAt(secret, 'data'))],
);

export const configMapPrinter = simplePrinter([column('Data', 'How many keys it has.')], (map) => [
  countOf(fieldsAt(map, 'data')) + countOf(fieldsAt(map, 'binaryData')),
]);

export const serviceAccountPrinter = simplePrinter([], () => []);

export const leasePrinter = simplePrinter([column('Holder', 'Who holds the lease.')], (lease) => [
  stringAt(lease, 'spec', 'holderIdentity'),
]);

export const endpointSlicePrinter = simplePrinter(
  [
    column('AddressType', 'IPv4, IPv6 or FQDN.'),
    column('Ports', 'Ports of every endpoint.'),
    column('Endpoints', 'Addresses of the endpoints.'),
  ],
  (slice) => [
    stringAt(slice, 'addressType'),
    orUnset(objectsAt(slice, 'ports').map((port) => `${numberAt(port, 'port') ?? '*'}`)),
    orUnset(objectsAt(slice, 'endpoints').flatMap((endpoint) => listAt(endpoint, 'addresses').map(String))),
  ],
);

const templateColumns: readonly Column[] = [
  wideColumn('Containers', 'Names of the containers of the template.'),
  wideColumn('Images', 'Images of the containers of the template.'),
  wideColumn('Selector', 'Which pods belong to it.'),
];

export const deploymentPrinter: Printer = {
  columns: [
    nameColumn,
    column('Ready', 'How many pods are ready, of how many.'),
    column('Up-to-date', 'How many pods have the newest template.'),
    column('Available', 'How many pods have been ready for long enough.'),
    ageColumn,
    ...templateColumns,
  ],
  cells: (deployment, now) => [
    deployment.metadata.name,
    `${numberAt(deployment, 'status', 'readyReplicas') ?? 0}/${numberAt(deployment, 'spec', 'replicas') ?? 0}`,
    numberAt(deployment, 'status', 'updatedReplicas') ?? 0,
    numberAt(deployment, 'status', 'availableReplicas') ?? 0,
    age(deployment.metadata.creationTimestamp, now),
    ...templateCells(deployment),
  ],
};

export const replicaSetPrinter: Printer = {
  columns: [
    nameColumn,
    column('Desired', 'How many pods are wanted.', 'integer'),
    column('Current', 'How many pods there are.', 'integer'),
    column('Ready', 'How many pods are ready.', 'integer'),
    ageColumn,
    ...templateColumns,
  ],
  cells: (set, now) => [
    set.metadata.name,
    numberAt(set, 'spec', 'replicas') ?? 0,
    numberAt(set, 'status', 'replicas') ?? 0,
    numberAt(set, 'status', 'readyReplicas') ?? 0,
    age(set.metadata.creationTimestamp, now),
    ...templateCells(set),
  ],
};

export const servicePrinter: Printer = {
  columns: [
    nameColumn,
    column('Type', 'How the service is exposed.'),
    column('Cluster-IP', 'Address inside the cluster.'),
    column('External-IP', 'Address outside the cluster.'),
    column('Port(s)', 'Ports of the service.'),
    ageColumn,
    wideColumn('Selector', 'Which pods it sends to.'),
  ],
  cells: (service, now) => [
    service.metadata.name,
    stringAt(service, 'spec', 'type'),
    listAt(service, 'spec', 'clusterIPs')[0] ?? '<none>',
    externalAddress(service),
    servicePorts(service),
    age(service.metadata.creationTimestamp, now),
    formatLabels(stringsAt(service, 'spec', 'selector')),
  ],
};

/** Name, some cells of the kind, age. */
function simplePrinter(columns: readonly Column[], cells: (object: KubeObject) => readonly unknown[]): Printer {
  return {
    columns: [nameColumn, ...columns, ageColumn],
    cells: (object, now) => [object.metadata.name, ...cells(object), age(object.metadata.creationTimestamp, now)],
  };
}

function countOf(fields: Fields): number {
  return Object.keys(fields).length;
}

function orUnset(items: readonly string[]): string {
  if (items.length === 0) return '<unset>';
  return items.length > 3 ? `${items.slice(0, 3).join(',')} + ${items.length - 3} more...` : items.join(',');
}

function templateCells(object: KubeObject): readonly string[] {
  return [...containerCells(podSpecOfTemplate(object)), formatSelector(fieldsAt(object, 'spec', 'selector'))];
}

function externalAddress(service: KubeObject): string {
  const own = listAt(service, 'spec', 'externalIPs').join(',');
  switch (stringAt(service, 'spec', 'type')) {
    case 'ExternalName':
      return stringAt(service, 'spec', 'externalName');
    case 'LoadBalancer': {
      const ingress = objectsAt(service, 'status', 'loadBalancer', 'ingress');
      const addresses = ingress.map((each) => stringAt(each, 'ip') || stringAt(each, 'hostname'));
      return [...addresses, ...(own === '' ? [] : [own])].join(',') || '<pending>';
    }
    default:
      return own || '<none>';
  }
}

function servicePorts(service: KubeObject): string {
  return (
    objectsAt(service, 'spec', 'ports')
      .map((port) => {
        const node = numberAt(port, 'nodePort');
        return `${numberAt(port, 'port') ?? 0}${node === undefined ? '' : `:${node}`}/${stringAt(port, 'protocol')}`;
      })
      .join(',') || '<none>'
  );
}
