import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import type { World } from './helpers/world.ts';
import { useWorld } from './helpers/world.ts';

const useIt = useWorld({ aggregator: 'listing', events: false });
let world: World;
beforeAll(() => {
  world = useIt();
});

const BODY_BYTES = 33_000_000;
const PIECE = Buffer.alloc(65_536, 'x');
const MAX_RESIDENT_KB = 256 * 1024;

/** Sends a body of 33 MB, as fast as it is taken, until there is an answer; the answer's status. */
const sendLarge = (url: string, isChunked: boolean): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = createConnection(Number(port), hostname);
    const length = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${BODY_BYTES}`;
    const piece = isChunked
      ? Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from('\r\n')])
      : PIECE;
    let sent = 0;
    const sendMore = (): void => {
      while (sent < BODY_BYTES && !socket.destroyed) {
        sent += PIECE.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('drain', sendMore);
    socket.once('data', (bytes: Buffer) => {
      socket.destroy();
      resolve(Number(/^HTTP\/1.1 (\d{3})/.exec(bytes.toString())?.[1]));
    });
    socket.on('error', reject);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n`);
    sendMore();
  });

/** The most memory that the process ever had resident, in kB. */
const peakResidentKb = (pid: number | undefined): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

test.skipIf(process.platform !== 'linux').each(['aggregate', 'onCheckpoint'] as const)(
  '100 parallel bodies of 33 MB are refused, and %s stays below 256 MiB',
  async (name) => {
    const served = world.functions[name];
    const statuses = await Promise.all(
      Array.from({ length: 100 }, (_, index) => sendLarge(served.url, index % 2 === 0)),
    );
    expect(new Set(statuses)).toEqual(new Set([413]));
    expect(peakResidentKb(served.pid())).toBeLessThan(MAX_RESIDENT_KB);
  },
);
