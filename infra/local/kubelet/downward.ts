import type { Pod } from './types.ts';

/** The node's address, and that of its pods by default: every process is on the loopback interface. */
export const HOST_IP = '127.0.0.1';

/** The location of a pod. */
export interface PodPlace {
  readonly nodeName: string;
  readonly podIP: string;
}

/** The value of a `fieldRef` (downward API); `null` for an unsupported path. */
export function fieldValue(pod: Pod, fieldPath: string, { nodeName, podIP }: PodPlace): string | null {
  const { metadata, spec } = pod;
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath) ?? [];
  if (key !== undefined) return (map === 'labels' ? metadata.labels : metadata.annotations)?.[key] ?? '';
  const values: Readonly<Record<string, string>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'metadata.labels': formatMap(metadata.labels),
    'metadata.annotations': formatMap(metadata.annotations),
    'spec.nodeName': nodeName,
    'spec.serviceAccountName': spec.serviceAccountName ?? 'default',
    'status.podIP': podIP,
    'status.podIPs': podIP,
    'status.hostIP': HOST_IP,
    'status.hostIPs': HOST_IP,
  };
  return values[fieldPath] ?? null;
}

function formatMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.entries(map)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}
