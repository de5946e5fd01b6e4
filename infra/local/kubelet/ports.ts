import { createServer } from 'node:net';
import { listenOnLoopback } from '../loopback.ts';
import type { Container } from './types.ts';

const PRIVILEGED_BELOW = 1024;

export interface PortAllocator {
  /** Returns a port on 127.0.0.1 for each container port: the same number if it is free, else another. */
  allocate(container: Container): Promise<ReadonlyMap<number, number>>;
  release(ports: ReadonlyMap<number, number>): void;
}

/** All pods share 127.0.0.1: two replicas cannot both listen on the port of their image. */
export function createPortAllocator(): PortAllocator {
  const taken = new Set<number>();
  async function take(wanted: number): Promise<number> {
    const same = wanted < PRIVILEGED_BELOW || taken.has(wanted) ? null : wanted;
    if (same !== null) taken.add(same);
    if (same !== null && (await claim(same)) !== null) return same;
    if (same !== null) taken.delete(same);
    for (;;) {
      const free = await claim(0);
      if (free === null) throw new Error('no free port on 127.0.0.1');
      if (taken.has(free)) continue;
      taken.add(free);
      return free;
    }
  }
  return {
    allocate: async (container) => {
      const ports = new Map<number, number>();
      for (const { containerPort, protocol = 'TCP' } of container.ports ?? []) {
        if (protocol === 'TCP') ports.set(containerPort, await take(containerPort));
      }
      return ports;
    },
    release: (ports) => {
      for (const port of ports.values()) taken.delete(port);
    },
  };
}

async function claim(port: number): Promise<number | null> {
  const server = createServer();
  try {
    return await listenOnLoopback(server, port);
  } catch {
    return null;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
