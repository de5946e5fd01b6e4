import { isFields } from './json.ts';
import type { Fields } from './json.ts';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ManagedFieldsEntry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: Fields;
  readonly subresource?: string;
}

/** As on the wire: times are RFC 3339 strings. */
export interface ObjectMeta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** A stored object. Never changed in place: a write replaces it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** An object on its way into the store: a private copy that the strategies may write to. */
export interface Draft extends Fields {
  metadata: Fields;
}

/** A shallow check is enough: everything that is stored has passed the schema of its kind. */
export function isKubeObject(value: unknown): value is KubeObject {
  if (!isFields(value) || typeof value['apiVersion'] !== 'string' || typeof value['kind'] !== 'string') return false;
  const metadata = value['metadata'];
  return isFields(metadata) && typeof metadata['name'] === 'string' && typeof metadata['uid'] === 'string';
}

/** The fields as a draft, not copied. */
export function asDraft(fields: Fields): Draft {
  const metadata = fields['metadata'];
  return { ...fields, metadata: isFields(metadata) ? metadata : {} };
}

/** A deep copy that may be written to. */
export function draftOf(object: KubeObject): Draft {
  return asDraft(structuredClone({ ...object }));
}

/**
 * A draft that shares everything but its outermost fields and its metadata with the object: for changes that replace
 * these and write to nothing below.
 */
export function shallowDraftOf(object: KubeObject): Draft {
  return { ...object, metadata: { ...object.metadata } };
}
