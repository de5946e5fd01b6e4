import { request } from 'node:http';
import { onTestFinished } from 'vitest';
import { eventually, textAt } from './api.ts';

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

export interface Watching {
  readonly code: number;
  readonly events: readonly WatchEvent[];
  /** Resolves with the events once there are `count` of them. */
  readonly until: (count: number) => Promise<readonly WatchEvent[]>;
  /** Resolves when the server has ended the watch. */
  readonly ended: () => Promise<void>;
  readonly close: () => void;
}

/** Opens a watch; resolves when its headers have come. */
export function startWatch(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Watching> {
  return new Promise((resolve, reject) => {
    const events: WatchEvent[] = [];
    const outgoing = request(`${url}${path}`, { headers }, (response) => {
      let rest = '';
      let isEnded = false;
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) events.push(JSON.parse(line));
      });
      response.on('end', () => (isEnded = true));
      resolve({
        code: response.statusCode ?? 0,
        events,
        until: (count) => eventually(() => (events.length >= count ? events : undefined)),
        ended: async () => void (await eventually(() => (isEnded ? true : undefined))),
        close: () => outgoing.destroy(),
      });
    });
    outgoing.on('error', reject);
    onTestFinished(() => void outgoing.destroy());
    outgoing.end();
  });
}

/** `ADDED w1`, `BOOKMARK`: what happened, without the details. */
export function summaries(events: readonly WatchEvent[]): readonly string[] {
  return events.map(({ type, object }) => `${type} ${textAt(object, 'metadata.name')}`.trim());
}
