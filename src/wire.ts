import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { AggregateDeps } from './functions/aggregate.ts';
import { createClusterAccess } from './cluster/gke.ts';
import { createCluster } from './cluster/kubernetes.ts';
import type { Config, ValuesSource } from './config.ts';
import { UpstreamError } from './errors.ts';
import type { Log } from './log.ts';
import { createGcsObjectStore } from './storage/gcs.ts';
import type { ObjectStore } from './storage/port.ts';
import { parseGsUri } from './storage/uri.ts';
import type { JsonObject } from './values/json.ts';
import { parseDocument } from './values/parse-document.ts';

const parseText = (text: string): JsonObject => parseDocument(Buffer.from(text));

/** Reads the values object again only when its generation has changed: a new policy needs no new revision. */
const createObjectValues = (store: ObjectStore, uri: string): AggregateDeps['configuredValues'] => {
  let kept: { readonly generation: string; readonly values: JsonObject } | undefined;
  return async (signal) => {
    const read = await store.read(parseGsUri(uri, 'VALUES_URI'), {
      signal,
      ...(kept !== undefined && { ifGenerationNotMatch: kept.generation }),
    });
    if (read === null)
      throw new UpstreamError(
        `The configured values ${uri} (VALUES_URI) do not exist; upload them: gcloud storage cp values.yaml ${uri}`,
      );
    if (read !== 'unchanged') kept = { generation: read.info.generation, values: parseText(read.text) };
    return kept?.values ?? {};
  };
};

const createConfiguredValues = (source: ValuesSource, store: ObjectStore): AggregateDeps['configuredValues'] => {
  if (source.kind === 'object') return createObjectValues(store, source.uri);
  // Read when the instance starts: a revision with values that cannot be read never serves.
  const text = source.kind === 'file' ? readFileSync(source.path, 'utf8') : source.kind === 'text' ? source.text : '';
  const values = parseText(text);
  return async () => values;
};

/** Everything that the functions need, built once per instance; nothing is connected to before the first call. */
export const wire = (config: Config, log: Log): { readonly aggregate: AggregateDeps } => {
  const store = createGcsObjectStore({
    timeoutMs: config.upstreamTimeoutMs,
    ...(config.storageApiEndpoint !== undefined && { apiEndpoint: config.storageApiEndpoint }),
    ...(config.projectId !== undefined && { projectId: config.projectId }),
  });
  const cluster = createCluster(createClusterAccess(config.cluster), { deadlineMs: config.upstreamTimeoutMs });
  return {
    aggregate: {
      store,
      cluster,
      stateUri: config.stateUri,
      allowed: config.allowed,
      now: () => new Date(),
      wait: async (ms, signal) => {
        await wait(ms, undefined, { ...(signal !== undefined && { signal }) });
      },
      log,
      projectId: config.projectId,
      configuredValues: createConfiguredValues(config.values, store),
      defaults: { namespace: config.defaultNamespace, releaseName: config.releaseName },
      requestTimeoutMs: config.requestTimeoutMs,
    },
  };
};
