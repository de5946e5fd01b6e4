import type { BatchV1Api, V1Job } from '@kubernetes/client-node';
import type { Operation, Refusal } from './api-errors.ts';
import { type Caller, listPages, pageExpired } from './call.ts';
import type { CallOptions, Jobs } from './port.ts';

/** The field manager of everything this service writes, as in `metadata.managedFields`. */
export const FIELD_MANAGER = 'tensorio-trigger';

/** Jobs of batch/v1, through the generated client. */
export function createJobs(batch: () => BatchV1Api, call: Caller): Jobs {
  return {
    createJob: async (job, options) => {
      const { namespace, name } = requireNames(job);
      return call({
        ...operation('create', namespace, name, options),
        isIdempotent: false,
        // Sent unchanged: the generated client drops unknown fields, so strict validation would not see a misspelt one.
        body: JSON.stringify(Object.assign({ apiVersion: 'batch/v1', kind: 'Job' }, job)),
        send: (sendOptions) =>
          batch().createNamespacedJob(
            {
              namespace,
              body: job,
              fieldManager: FIELD_MANAGER,
              fieldValidation: 'Strict',
              ...(options?.dryRun === true && { dryRun: 'All' }),
            },
            sendOptions,
          ),
        outcome: (refusal) => (isExisting(refusal) ? ('exists' as const) : undefined),
      });
    },

    getJob: async (namespace, name, options) =>
      call({
        ...operation('get', namespace, name, options),
        isIdempotent: true,
        send: (sendOptions) => batch().readNamespacedJob({ namespace, name }, sendOptions),
        outcome: absentAs(null),
      }),

    listJobs: async (namespace, labelSelector, options) =>
      listPages((page) =>
        call({
          ...operation('list', namespace, undefined, options),
          isIdempotent: true,
          send: (sendOptions) => batch().listNamespacedJob({ namespace, labelSelector, ...page }, sendOptions),
          outcome: pageExpired,
        }),
      ),

    deleteJob: async (namespace, name, options) =>
      call({
        ...operation('delete', namespace, name, options),
        // By name alone, a repeat could delete a Job that was created in between.
        isIdempotent: options?.uid !== undefined,
        send: async (sendOptions) => {
          const preconditions = options?.uid === undefined ? {} : { preconditions: { uid: options.uid } };
          await batch().deleteNamespacedJob(
            { namespace, name, body: { propagationPolicy: 'Background', ...preconditions } },
            sendOptions,
          );
          return 'deleted' as const;
        },
        // 409: the Job of that name has a different uid.
        outcome: ({ status }) =>
          status === 404 || (status === 409 && options?.uid !== undefined) ? ('absent' as const) : undefined,
      }),

    suspendJob: async (namespace, name, options) =>
      call({
        ...operation('patch', namespace, name, options),
        isIdempotent: true,
        send: async (sendOptions) => {
          await batch().patchNamespacedJob(
            { namespace, name, body: { spec: { suspend: true } }, fieldManager: FIELD_MANAGER },
            sendOptions,
          );
          return 'suspended' as const;
        },
        contentType: 'application/merge-patch+json',
        outcome: absentAs('absent' as const),
      }),
  };
}

function requireNames(job: V1Job): { namespace: string; name: string } {
  const { namespace, name } = job.metadata ?? {};
  if (namespace === undefined || name === undefined)
    throw new TypeError('A Job to create needs a namespace and a name.');
  return { namespace, name };
}

function operation(verb: Operation['verb'], namespace: string, name?: string, options?: CallOptions) {
  return {
    verb,
    resource: 'jobs',
    apiGroup: 'batch' as const,
    namespace,
    ...(name !== undefined && { name }),
    options,
  };
}

/** A 409 with another reason comes from a quota or a webhook that lost a race: the Job does not exist. */
function isExisting({ status, reason }: Refusal): boolean {
  return status === 409 && reason === 'AlreadyExists';
}

function absentAs<V>(value: V) {
  return ({ status }: Refusal): V | undefined => (status === 404 ? value : undefined);
}
