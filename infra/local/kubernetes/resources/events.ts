import { stringAt } from '../json.ts';
import { eventPrinter } from '../printers/events.ts';
import type { Resource } from './resource.ts';

const selectable = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

export const events: Resource = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  namespaced: true,
  struct: 'core.Event',
  subresources: [],
  countsGenerations: false,
  unconditionalUpdate: true,
  createOnUpdate: true,
  defaultPropagation: 'background',
  nameRule: 'subdomain',
  printer: eventPrinter,
  fieldLabels: (object) => ({
    ...Object.fromEntries(
      selectable.map((field) => [`involvedObject.${field}`, stringAt(object, 'involvedObject', field)]),
    ),
    reason: stringAt(object, 'reason'),
    reportingComponent: stringAt(object, 'reportingComponent'),
    source: stringAt(object, 'source', 'component') || stringAt(object, 'reportingComponent'),
    type: stringAt(object, 'type'),
  }),
};
