import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Runs `npm start` until it exits, which it does by itself if it cannot start. */
function start(...args: readonly string[]): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--no-warnings', MAIN, ...args], (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
  });
}

test('an unknown option is one sentence with the nearest option', async () => {
  expect(await start('--valus', 'x')).toEqual({
    code: 2,
    out: '',
    err: 'Unknown option "--valus". Did you mean "--values"? "npm start -- --help" lists the options.\n',
  });
});

test('values that do not exist are one sentence', async () => {
  expect(await start('--values', 'none.yaml')).toEqual({
    code: 2,
    out: '',
    err: 'The local stack did not start: --values "none.yaml": the file does not exist\n',
  });
});

test('a port that is taken is one sentence with the port', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { code, out, err } = await start('--port-base', String(port - 2));
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toBe(
    `The local stack did not start: port ${port} is in use. Stop the process that listens on it, or choose another --port-base.\n`,
  );
});
