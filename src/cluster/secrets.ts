import type { CoreV1Api } from '@kubernetes/client-node';
import type { Caller } from './call.ts';
import type { Secrets } from './port.ts';

/** Secrets, of which nothing but the names of their keys leaves this file. */
export function createSecrets(core: () => CoreV1Api, call: Caller): Secrets {
  return {
    secretKeys: async (namespace, name, options) =>
      call({
        verb: 'get',
        resource: 'secrets',
        apiGroup: '',
        namespace,
        name,
        isSecret: true,
        options,
        isIdempotent: true,
        send: async (sendOptions) => {
          const secret = await core().readNamespacedSecret({ namespace, name }, sendOptions);
          return Object.keys(secret.data ?? {});
        },
        outcome: ({ status }) => (status === 404 ? null : undefined),
      }),
  };
}
