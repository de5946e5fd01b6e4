import type { ClusterAccess, ClusterEndpoint } from '../../src/cluster/connection.ts';

export interface StubAccess extends ClusterAccess {
  /** The calls in order: `endpoint`, `token`, `refresh`, `invalidate`. */
  readonly asked: readonly string[];
}

/** Access that returns the next endpoint after each `invalidate`, and then the last one. */
export const createStubAccess = (
  endpoints: readonly ClusterEndpoint[],
  tokens: { readonly cached: string; readonly fresh?: string } = { cached: 'token-1' },
): StubAccess => {
  const asked: string[] = [];
  let index = 0;
  let token = tokens.cached;
  return {
    asked,
    endpoint: async () => {
      asked.push('endpoint');
      const endpoint = endpoints[Math.min(index, endpoints.length - 1)];
      if (endpoint === undefined) throw new Error('no endpoint');
      return endpoint;
    },
    token: async (options) => {
      asked.push(options?.forceRefresh === true ? 'refresh' : 'token');
      if (options?.forceRefresh === true) token = tokens.fresh ?? token;
      return token;
    },
    describe: () => 'the test cluster',
    invalidate: () => {
      asked.push('invalidate');
      index += 1;
    },
  };
};
