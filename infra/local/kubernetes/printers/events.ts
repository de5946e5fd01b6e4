import { numberAt, stringAt } from '../json.ts';
import type { Printer } from '../resources/resource.ts';
import type { KubeObject } from '../types.ts';
import { column, nameColumn, wideColumn } from './columns.ts';
import { age } from './duration.ts';

export const eventPrinter: Printer = {
  columns: [
    column('Last Seen', 'When it last happened.'),
    column('Type', 'Normal or Warning.'),
    column('Reason', 'Why, in one word.'),
    column('Object', 'What it is about.'),
    wideColumn('Subobject', 'Which part of the object.'),
    wideColumn('Source', 'Who reports it.'),
    column('Message', 'What happened.'),
    wideColumn('First Seen', 'When it first happened.'),
    wideColumn('Count', 'How often it happened.'),
    { ...nameColumn, priority: 1 },
  ],
  cells: (event, now) => {
    const first = age(stringAt(event, 'firstTimestamp') || stringAt(event, 'eventTime'), now);
    const series = stringAt(event, 'series', 'lastObservedTime');
    const last = series === '' ? stringAt(event, 'lastTimestamp') : series;
    return [
      last === '' ? first : age(last, now),
      stringAt(event, 'type'),
      stringAt(event, 'reason'),
      targetOf(event),
      stringAt(event, 'involvedObject', 'fieldPath'),
      sourceOf(event),
      stringAt(event, 'message').trim(),
      first,
      numberAt(event, 'series', 'count') ?? (numberAt(event, 'count') || 1),
      event.metadata.name,
    ];
  },
};

function targetOf(event: KubeObject): string {
  const kind = stringAt(event, 'involvedObject', 'kind').toLowerCase();
  const name = stringAt(event, 'involvedObject', 'name');
  return name === '' ? kind : `${kind}/${name}`;
}

function sourceOf(event: KubeObject): string {
  const component = stringAt(event, 'source', 'component') || stringAt(event, 'reportingComponent');
  const host = stringAt(event, 'source', 'host') || stringAt(event, 'reportingInstance');
  return host === '' ? component : `${component}, ${host}`;
}
