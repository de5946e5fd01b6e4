import { isKubeObject } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';
import type { StoreEvent } from './event.ts';
import { createHistory } from './history.ts';
import type { History } from './history.ts';
import { openJournal, recoverFolder } from './journal.ts';
import type { JournalEntry, Recovered } from './records.ts';

export interface StoreOptions {
  /** Where the journal is kept; in memory only when absent. */
  readonly folder?: string | undefined;
  /** The number of changes that a watch may go back. */
  readonly historyLimit?: number | undefined;
  /** The growth after which the journal is compacted. */
  readonly journalGrowthBytes?: number | undefined;
}

/**
 * The objects of all resources, and one counter of versions over them. Everything in it is synchronous: a caller that reads,
 * decides and writes without awaiting in between is alone.
 */
export interface Store {
  /** The version of the newest change. */
  resourceVersion(): number;
  readonly history: History;
  get(resource: string, key: string): KubeObject | undefined;
  /** All objects of a resource by key, in no order. */
  all(resource: string): ReadonlyMap<string, KubeObject>;
  /** Stores the draft under a new resourceVersion, which is set in it. */
  put(resource: string, key: string, draft: Draft): KubeObject;
  /** Removes the object. The returned one has the resourceVersion of its deletion. */
  remove(resource: string, key: string): KubeObject | undefined;
  /** What `work` writes reaches the journal as one record, and its events are sent afterwards. */
  transaction<T>(work: () => T): T;
  /** Called in the order of the versions, after each change is in the journal. */
  subscribe(listener: (event: StoreEvent) => void): () => void;
  close(): void;
}

const defaultHistoryLimit = 10_000;

/** Opens the store. Throws when the folder cannot be written or its journal is damaged. */
export function createStore(options: StoreOptions = {}): Store {
  const { folder } = options;
  const recovered = folder === undefined ? undefined : recoverFolder(folder);
  const resources = new Map<string, Map<string, KubeObject>>();
  let version = recovered?.resourceVersion ?? 0;
  for (const { resource, key, object } of recovered?.entries ?? []) {
    if (object !== null) tableOf(resources, resource).set(key, object);
  }
  function snapshot(): Recovered {
    return { resourceVersion: version, entries: entriesOf(resources) };
  }
  const growthBytes = options.journalGrowthBytes;
  const journal =
    folder === undefined
      ? undefined
      : openJournal(folder, { snapshot, ...(growthBytes !== undefined && { growthBytes }) });
  const history = createHistory(version, options.historyLimit ?? defaultHistoryLimit);
  const listeners = new Set<(event: StoreEvent) => void>();
  let pending: StoreEvent[] = [];
  let depth = 0;
  const undelivered: StoreEvent[] = [];
  let delivering = false;

  function commit(): void {
    const events = pending;
    pending = [];
    if (events.length === 0) return;
    journal?.append(events.map(entryOf));
    for (const event of events) history.add(event);
    undelivered.push(...events);
    deliver();
  }

  // A listener may write: that change is sent after the present one has reached every listener.
  function deliver(): void {
    if (delivering) return;
    delivering = true;
    try {
      for (let event = undelivered.shift(); event !== undefined; event = undelivered.shift()) {
        for (const listener of listeners) notify(listener, event);
      }
    } finally {
      delivering = false;
    }
  }

  function transaction<T>(work: () => T): T {
    depth += 1;
    try {
      return work();
    } finally {
      depth -= 1;
      if (depth === 0) commit();
    }
  }

  function record(event: StoreEvent): void {
    transaction(() => pending.push(event));
  }

  function put(resource: string, key: string, draft: Draft): KubeObject {
    const table = tableOf(resources, resource);
    const previous = table.get(key);
    version += 1;
    const object = stamped(draft, version);
    table.set(key, object);
    const type = previous === undefined ? 'ADDED' : 'MODIFIED';
    record({ type, resource, key, object, ...(previous !== undefined && { previous }), resourceVersion: version });
    return object;
  }

  function remove(resource: string, key: string): KubeObject | undefined {
    const previous = resources.get(resource)?.get(key);
    if (previous === undefined) return undefined;
    version += 1;
    resources.get(resource)?.delete(key);
    const object = { ...previous, metadata: { ...previous.metadata, resourceVersion: `${version}` } };
    record({ type: 'DELETED', resource, key, object, previous, resourceVersion: version });
    return object;
  }

  return {
    resourceVersion: () => version,
    history,
    get: (resource, key) => resources.get(resource)?.get(key),
    all: (resource) => tableOf(resources, resource),
    put,
    remove,
    transaction,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => journal?.close(),
  };
}

function tableOf(resources: Map<string, Map<string, KubeObject>>, resource: string): Map<string, KubeObject> {
  const known = resources.get(resource);
  if (known !== undefined) return known;
  const table = new Map<string, KubeObject>();
  resources.set(resource, table);
  return table;
}

function entriesOf(resources: ReadonlyMap<string, ReadonlyMap<string, KubeObject>>): readonly JournalEntry[] {
  return [...resources].flatMap(([resource, table]) =>
    [...table].map(([key, object]) => ({
      resource,
      key,
      resourceVersion: Number(object.metadata.resourceVersion),
      object,
    })),
  );
}

function entryOf(event: StoreEvent): JournalEntry {
  return {
    resource: event.resource,
    key: event.key,
    resourceVersion: event.resourceVersion,
    object: event.type === 'DELETED' ? null : event.object,
  };
}

/** The write is recorded: a failing listener must not make it look failed. */
function notify(listener: (event: StoreEvent) => void, event: StoreEvent): void {
  try {
    listener(event);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`kubernetes: ${event.resource} ${event.key}: ${what}\n`);
  }
}

function stamped(draft: Draft, version: number): KubeObject {
  const object = { ...draft, metadata: { ...draft.metadata, resourceVersion: `${version}` } };
  if (!isKubeObject(object)) throw new Error('an object without kind, name or uid was to be stored');
  return object;
}
