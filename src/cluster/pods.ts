import type { CoreV1Api, CoreV1Event } from '@kubernetes/client-node';
import type { Operation, Refusal } from './api-errors.ts';
import { type Caller, listPages, pageExpired } from './call.ts';
import type { CallOptions, Pods } from './port.ts';

/** Maximum size of one log that is read. */
const MAX_LOG_BYTES = 256 * 1024;

/** Messages of a 400 that mean "no log" or "no log yet", from the API server (pkg/registry/core/pod) and the kubelet. */
const NO_LOG =
  /is waiting to start|is not valid for pod|does not have a host assigned|previous terminated container .* not found|is not available/;

/** Pods with their events and logs, through the generated client. */
export function createPods(core: () => CoreV1Api, call: Caller): Pods {
  return {
    listPods: async (namespace, labelSelector, options) =>
      listPages((page) =>
        call({
          ...operation('list', 'pods', namespace, options),
          send: (sendOptions) => core().listNamespacedPod({ namespace, labelSelector, ...page }, sendOptions),
          outcome: pageExpired,
        }),
      ),

    listEvents: async (namespace, { kind, name, uid }, options) => {
      const fields = { 'involvedObject.kind': kind, 'involvedObject.name': name, 'involvedObject.uid': uid };
      const fieldSelector = Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([field, value]) => `${field}=${value}`)
        .join(',');
      const events = await listPages((page) =>
        call({
          ...operation('list', 'events', namespace, options),
          send: (sendOptions) => core().listNamespacedEvent({ namespace, fieldSelector, ...page }, sendOptions),
          outcome: pageExpired,
        }),
      );
      return events.toSorted((a, b) => readTimeMs(a) - readTimeMs(b));
    },

    podLog: async (namespace, pod, { container, tailLines, previous = false, timestamps = false, signal }) => {
      function read(lines: number): Promise<string | null> {
        return call({
          ...operation('get', 'pods/log', namespace, signal === undefined ? undefined : { signal }),
          name: pod,
          expects: 'text',
          send: (sendOptions) =>
            core().readNamespacedPodLog(
              { namespace, name: pod, container, previous, timestamps, tailLines: lines, limitBytes: MAX_LOG_BYTES },
              sendOptions,
            ),
          outcome: (refusal) => (isWithoutLog(refusal) ? null : undefined),
        });
      }
      // limitBytes cuts off the end, which is the part wanted: fewer lines are read until all of them fit.
      for (let lines = tailLines; ; lines = Math.floor(lines / 4)) {
        const log = await read(Math.max(1, lines));
        if (log === null || lines <= 1 || Buffer.byteLength(log) < MAX_LOG_BYTES) return log;
      }
    },
  };
}

function operation(verb: Operation['verb'], resource: string, namespace: string, options?: CallOptions) {
  return {
    verb,
    resource,
    apiGroup: '' as const,
    namespace,
    options,
    isIdempotent: true,
  };
}

/** Events of the newer API have no lastTimestamp: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
function readTimeMs({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: CoreV1Event): number {
  return (
    (
      series?.lastObservedTime ??
      lastTimestamp ??
      eventTime ??
      firstTimestamp ??
      metadata.creationTimestamp
    )?.getTime() ?? 0
  );
}

function isWithoutLog({ status, message }: Refusal): boolean {
  return status === 404 || (status === 400 && NO_LOG.test(message ?? ''));
}
