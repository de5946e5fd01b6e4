import { fieldsAt, numberAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Printer } from '../resources/resource.ts';
import type { KubeObject } from '../types.ts';
import { ageColumn, column, nameColumn, wideColumn } from './columns.ts';
import { age } from './duration.ts';

/** printPod of pkg/printers/internalversion/printers.go. */
export const podPrinter: Printer = {
  columns: [
    nameColumn,
    column('Ready', 'How many containers are ready, of how many.'),
    column('Status', 'Status of the containers, taken together.'),
    column('Restarts', 'How often containers were restarted, and when last.'),
    ageColumn,
    wideColumn('IP', 'Address of the pod.'),
    wideColumn('Node', 'Node the pod is bound to.'),
    wideColumn('Nominated Node', 'Node the pod may be bound to after preemption.'),
    wideColumn('Readiness Gates', 'How many readiness gates are passed, of how many.'),
  ],
  cells: (pod, now) => {
    const summary = summarise(pod);
    return [
      pod.metadata.name,
      `${summary.ready}/${summary.total}`,
      statusOf(pod, summary.reason),
      restartsCell(summary, now),
      age(pod.metadata.creationTimestamp, now),
      stringAt(objectsAt(pod, 'status', 'podIPs')[0], 'ip') || '<none>',
      stringAt(pod, 'spec', 'nodeName') || '<none>',
      stringAt(pod, 'status', 'nominatedNodeName') || '<none>',
      readinessGatesCell(pod),
    ];
  },
  conditions: (pod) => {
    const phase = stringAt(pod, 'status', 'phase');
    if (phase === 'Succeeded')
      return [
        { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
      ];
    if (phase === 'Failed')
      return [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }];
    return [];
  },
};

interface Summary {
  ready: number;
  readonly total: number;
  reason: string;
  restarts: number;
  /** When a container was last found ended, in ms; 0 when none was. */
  lastRestartMs: number;
}

function summarise(pod: KubeObject): Summary {
  const phase = stringAt(pod, 'status', 'phase');
  const gated = objectsAt(pod, 'status', 'conditions').some(
    (each) => each['type'] === 'PodScheduled' && each['reason'] === 'SchedulingGated',
  );
  const summary: Summary = {
    ready: 0,
    total: objectsAt(pod, 'spec', 'containers').length,
    reason: gated ? 'SchedulingGated' : stringAt(pod, 'status', 'reason') || phase,
    restarts: 0,
    lastRestartMs: 0,
  };
  if (!summariseInit(pod, summary)) summariseContainers(pod, summary);
  return summary;
}

/** Whether the pod is still initialising; its init containers then define its status. */
function summariseInit(pod: KubeObject, summary: Summary): boolean {
  const inits = objectsAt(pod, 'status', 'initContainerStatuses');
  const total = objectsAt(pod, 'spec', 'initContainers').length;
  for (const [index, container] of inits.entries()) {
    countRestarts(container, summary);
    if (numberAt(container, 'state', 'terminated', 'exitCode') === 0) continue;
    summary.reason = initReason(container, `Init:${index}/${total}`);
    return true;
  }
  summary.restarts = 0;
  summary.lastRestartMs = 0;
  return false;
}

function countRestarts(container: Fields, summary: Summary): void {
  summary.restarts += numberAt(container, 'restartCount') ?? 0;
  const finished = Date.parse(stringAt(container, 'lastState', 'terminated', 'finishedAt'));
  if (finished > summary.lastRestartMs) summary.lastRestartMs = finished;
}

function initReason(container: Fields, progress: string): string {
  if ('terminated' in fieldsAt(container, 'state'))
    return `Init:${endReason(fieldsAt(container, 'state', 'terminated'))}`;
  const waiting = stringAt(container, 'state', 'waiting', 'reason');
  return waiting !== '' && waiting !== 'PodInitializing' ? `Init:${waiting}` : progress;
}

function endReason(terminated: Fields): string {
  const reason = stringAt(terminated, 'reason');
  if (reason !== '') return reason;
  const signal = numberAt(terminated, 'signal') ?? 0;
  return signal === 0 ? `ExitCode:${numberAt(terminated, 'exitCode') ?? 0}` : `Signal:${signal}`;
}

function summariseContainers(pod: KubeObject, summary: Summary): void {
  let hasRunning = false;
  let errorReason = '';
  for (const container of objectsAt(pod, 'status', 'containerStatuses').toReversed()) {
    countRestarts(container, summary);
    const waiting = stringAt(container, 'state', 'waiting', 'reason');
    if (waiting !== '') {
      summary.reason = waiting;
    } else if ('terminated' in fieldsAt(container, 'state')) {
      summary.reason = endReason(fieldsAt(container, 'state', 'terminated'));
      if (numberAt(container, 'state', 'terminated', 'exitCode') !== 0) errorReason = summary.reason;
    } else if (container['ready'] === true && 'running' in fieldsAt(container, 'state')) {
      hasRunning = true;
      summary.ready += 1;
    }
  }
  if (summary.reason !== 'Completed') return;
  if (hasRunning && isReady(pod)) summary.reason = 'Running';
  else if (errorReason !== '') summary.reason = errorReason;
  else if (hasRunning) summary.reason = 'NotReady';
}

function isReady(pod: KubeObject): boolean {
  return objectsAt(pod, 'status', 'conditions').some((each) => each['type'] === 'Ready' && each['status'] === 'True');
}

function statusOf(pod: KubeObject, reason: string): string {
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  if (stringAt(pod, 'status', 'reason') === 'NodeLost') return 'Unknown';
  return ['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase')) ? reason : 'Terminating';
}

function restartsCell(summary: Summary, now: Date): string {
  return summary.restarts !== 0 && summary.lastRestartMs !== 0
    ? `${summary.restarts} (${age(new Date(summary.lastRestartMs).toISOString(), now)} ago)`
    : `${summary.restarts}`;
}

function readinessGatesCell(pod: KubeObject): string {
  const gates = objectsAt(pod, 'spec', 'readinessGates');
  if (gates.length === 0) return '<none>';
  const passed = gates.filter((gate) =>
    objectsAt(pod, 'status', 'conditions').some(
      (each) => each['type'] === gate['conditionType'] && each['status'] === 'True',
    ),
  );
  return `${passed.length}/${gates.length}`;
}
