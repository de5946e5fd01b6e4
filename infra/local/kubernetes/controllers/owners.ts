import { resourceKey } from '../resources/resource.ts';
import { resources } from '../resources/table.ts';
import type { StoreEvent } from '../store/event.ts';
import type { Store } from '../store/store.ts';
import type { KubeObject } from '../types.ts';

/** Where an object is: resource and key in the store. */
export interface Address {
  readonly resource: string;
  readonly key: string;
}

/** Index of objects by uid, and of dependents by owner. */
export interface Owners {
  find(uid: string): Address | undefined;
  dependentsOf(uid: string): readonly Address[];
  /** To be called with every event of the store, before anything else uses the index. */
  learn(event: StoreEvent): void;
}

export function createOwners(store: Store): Owners {
  const addresses = new Map<string, Address>();
  const dependents = new Map<string, Map<string, Address>>();

  function forget(address: Address, object: KubeObject): void {
    for (const owner of object.metadata.ownerReferences ?? []) {
      const known = dependents.get(owner.uid);
      known?.delete(idOf(address));
      if (known?.size === 0) dependents.delete(owner.uid);
    }
  }
  function note(address: Address, object: KubeObject): void {
    addresses.set(object.metadata.uid, address);
    for (const owner of object.metadata.ownerReferences ?? []) {
      const known = dependents.get(owner.uid) ?? new Map<string, Address>();
      known.set(idOf(address), address);
      dependents.set(owner.uid, known);
    }
  }

  for (const resource of resources.map(resourceKey)) {
    for (const [key, object] of store.all(resource)) note({ resource, key }, object);
  }

  return {
    find: (uid) => addresses.get(uid),
    dependentsOf: (uid) => [...(dependents.get(uid)?.values() ?? [])],
    learn: ({ resource, key, object, previous, type }) => {
      if (previous !== undefined) forget({ resource, key }, previous);
      if (type === 'DELETED') addresses.delete(object.metadata.uid);
      else note({ resource, key }, object);
    },
  };
}

function idOf({ resource, key }: Address): string {
  return `${resource} ${key}`;
}
