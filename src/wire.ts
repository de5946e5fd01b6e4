import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { LaunchDeps } from './runs/finish.ts';
import { createClusterAccess } from './cluster/access.ts';
import type { ClusterAccess } from './cluster/connection.ts';
import { openCluster } from './cluster/open.ts';
import type { Cluster } from './cluster/port.ts';
import type { Config, ValuesSource } from './config.ts';
import { AppError, DeadlineError, UpstreamError } from './errors.ts';
import type { DeployDeps } from './functions/deploy.ts';
import { every } from './functions/stream.ts';
import type { AggregateDeps } from './functions/aggregate.ts';
import type { OnCheckpointDeps } from './functions/on-checkpoint.ts';
import { createWaits } from './functions/wait.ts';
import type { Log } from './log.ts';
import { assertRunnable } from './rounds/check-values.ts';
import { createCoalescer } from './rounds/coalesce.ts';
import { createLedgerStore } from './rounds/ledger-store.ts';
import type { RoundsDeps } from './rounds/task-context.ts';
import { openObjectStore } from './storage/open.ts';
import type { ObjectStore } from './storage/port.ts';
import { parseGsUri } from './storage/uri.ts';
import type { JsonObject } from './values/json.ts';
import { parseDocument } from './values/parse-document.ts';
import { parseValues } from './values/parse-values.ts';
import type { Values } from './values/parse-values.ts';

// Eventarc's push gives up after 10 s and delivers again; of a new instance a part is spent before the first event.
const EVENT_BUDGET_MS = 8_000;
const LEAST_EVENT_BUDGET_MS = 2_000;

/** The configured values, as written and as parsed. */
interface ConfiguredValues {
  readonly document: JsonObject;
  readonly values: Values;
}

type Read = (document: JsonObject) => ConfiguredValues;

/** Below the 20 s for which a release's Lease must still be valid when a write starts. */
const MAX_RELEASE_CALL_MS = 15_000;

/** The dependencies of the functions, created once per instance. They connect at the first call. */
export interface Wiring {
  readonly aggregate: AggregateDeps;
  readonly onCheckpoint: OnCheckpointDeps;
  readonly deploy: DeployDeps;
}

/** Whole milliseconds that are left for an event that arrives `uptimeSec` after the start of this instance. */
export function eventBudgetMs(uptimeSec: number): number {
  return Math.max(
    LEAST_EVENT_BUDGET_MS,
    EVENT_BUDGET_MS - (uptimeSec * 1000 < EVENT_BUDGET_MS ? Math.ceil(uptimeSec * 1000) : 0),
  );
}

/**
 * Joins configuration, adapters and use cases. Throws InvalidRequestError for configured values that are not valid,
 * UpstreamError for a kubeconfig that cannot be used, and the file system's error for a values file.
 */
export function wire(config: Config, log: Log): Wiring {
  const store = openObjectStore({
    timeoutMs: config.upstreamTimeoutMs,
    ...(config.storageApiEndpoint !== undefined && { apiEndpoint: config.storageApiEndpoint }),
    ...(config.projectId !== undefined && { projectId: config.projectId }),
  });
  const access = createClusterAccess(config.cluster);
  const cluster = openCluster(access, { deadlineMs: config.upstreamTimeoutMs });
  const launch = createLaunchDeps(config, store, cluster, log);
  const defaults = { namespace: config.defaultNamespace, releaseName: config.releaseName };
  const configured = createConfiguredValues(config.values, store, createRead(config));
  const rounds: RoundsDeps = {
    ...launch,
    log,
    defaults,
    ledgers: createLedgerStore(store, config.stateUri),
    coalescer: createCoalescer(),
  };
  async function values(signal: AbortSignal): Promise<Values> {
    return (await configured(signal)).values;
  }
  return {
    aggregate: {
      ...launch,
      log,
      rounds,
      values,
      defaults,
      powers: config.powers,
      schedulerServiceAccount: config.schedulerServiceAccount,
      configuredValues: async (signal) => (await configured(signal)).document,
      requestTimeoutMs: config.requestTimeoutMs,
      waits: createWaits({ now: () => performance.now(), pause }),
    },
    deploy: createDeployDeps(config, access, launch, log),
    onCheckpoint: {
      launch,
      rounds,
      log,
      defaults,
      values,
      budgetMs: () => eventBudgetMs(process.uptime()),
    },
  };
}

function createLaunchDeps(config: Config, store: ObjectStore, cluster: Cluster, log: Log): LaunchDeps {
  return {
    store,
    cluster,
    stateUri: config.stateUri,
    allowed: config.allowed,
    now: () => new Date(),
    log,
    wait: pause,
  };
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new DeadlineError('The request’s time ran out between two tries.', { cause });
  }
}

function createConfiguredValues(source: ValuesSource, store: ObjectStore, read: Read) {
  if (source.kind === 'object') return createObjectValues(store, source.uri, read);
  // Read when the instance starts: a revision with values that cannot be read never serves.
  const text = source.kind === 'file' ? readFileSync(source.path, 'utf8') : source.kind === 'text' ? source.text : '';
  const configured = read(parseText(text));
  return async (): Promise<ConfiguredValues> => configured;
}

/** Reads the values object again only when its generation has changed: a new policy needs no new revision. */
function createObjectValues(store: ObjectStore, uri: string, read: Read) {
  let kept: { readonly generation: string; readonly configured: ConfiguredValues } | undefined;
  return async (signal?: AbortSignal): Promise<ConfiguredValues> => {
    const options = {
      ...(signal !== undefined && { signal }),
      ...(kept !== undefined && { ifGenerationNotMatch: kept.generation }),
    };
    const found = await store.read(parseGsUri(uri, 'VALUES_URI'), options);
    if (found === null) {
      const remedy = `upload them: gcloud storage cp values.yaml ${uri}`;
      throw new UpstreamError(`The configured values ${uri} (VALUES_URI) do not exist; ${remedy}`);
    }
    if (found !== 'unchanged') {
      kept = { generation: found.info.generation, configured: readUploaded(uri, found.text, read) };
    }
    return kept?.configured ?? read({});
  };
}

/** Values that were uploaded are nobody's request: what is wrong with them is a fault of the service, which has an alert. */
function readUploaded(uri: string, text: string, read: Read): ConfiguredValues {
  try {
    return read(parseText(text));
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.status >= 500) throw cause;
    const message = `The configured values ${uri} (VALUES_URI) cannot be used; upload mended ones. ${cause.message}`;
    throw new UpstreamError(message, { cause, details: { ...cause.details } });
  }
}

function parseText(text: string): JsonObject {
  return parseDocument(Buffer.from(text));
}

function createRead({ allowed, stateUri }: Pick<Config, 'allowed' | 'stateUri'>): Read {
  return (document) => {
    const values = parseValues(document);
    assertRunnable(values, allowed, stateUri);
    return { document, values };
  };
}

function createDeployDeps(config: Config, access: ClusterAccess, launch: LaunchDeps, log: Log): DeployDeps {
  const deadlineMs = Math.min(config.upstreamTimeoutMs, MAX_RELEASE_CALL_MS);
  return {
    release: { cluster: openCluster(access, { deadlineMs }), launch, newId: randomUUID },
    log,
    defaultNamespace: config.defaultNamespace,
    requestTimeoutMs: config.deployTimeoutMs,
    waits: createWaits({ now: () => performance.now(), pause }),
    every,
  };
}
