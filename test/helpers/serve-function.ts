import type { AddressInfo } from 'node:net';
import type { HttpFunction } from '@google-cloud/functions-framework';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import type { FrontDeps } from '../../src/functions/front.ts';
import { guardServer } from '../../src/functions/front.ts';

export interface ServedFunction {
  readonly url: string;
  readonly port: number;
  close(): void;
}

let count = 0;

/** `served` on the real functions-framework, behind the same front as in production, on a free port of 127.0.0.1. */
export const serveFunction = async (served: HttpFunction, deps: FrontDeps): Promise<ServedFunction> => {
  const name = `function-${(count += 1)}`;
  http(name, served);
  const server = getTestServer(name);
  guardServer(server, deps);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
