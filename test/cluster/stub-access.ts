import type { ClusterAccess, ClusterEndpoint } from '../../src/cluster/connection.ts';

export interface StubAccess extends ClusterAccess {
  /** What was asked, in order: `endpoint`, `token`, `refresh`, `invalidate`. */
  readonly asked: readonly string[];
}

/** Access whose endpoints are given out one after the other, a new one after each `invalidate`; the last one stays. */
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
