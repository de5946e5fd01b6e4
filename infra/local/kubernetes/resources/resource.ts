import type { Fields } from '../json.ts';
import type { Cause } from '../status.ts';
import type { Draft, KubeObject } from '../types.ts';

/** Collects the faults of an object. */
export type Faults = Cause[];

/** The part of the cluster that a strategy may use. */
export interface ClusterView {
  get(resource: string, key: string): KubeObject | undefined;
  all(resource: string): ReadonlyMap<string, KubeObject>;
  now(): Date;
}

/** How one kind differs from the generic object; see registry/strategy of each resource in kube-apiserver. */
export interface Strategy {
  /** Defaults that decoding sets, before anything reads the object. */
  applyDefaults?(draft: Draft): void;
  /** Sets and clears what callers may not choose, at creation. */
  prepareForCreate?(draft: Draft, cluster: ClusterView): void;
  /** The same for an update: `draft` is the new state, `old` the stored one. */
  prepareForUpdate?(draft: Draft, old: KubeObject, cluster: ClusterView): void;
  /** The last touch after validation, at creation. */
  canonicalize?(draft: Draft): void;
  validate?(draft: Draft, faults: Faults): void;
  validateUpdate?(draft: Draft, old: KubeObject, faults: Faults): void;
  validateStatusUpdate?(draft: Draft, old: KubeObject, faults: Faults): void;
  /** Field selectors beside metadata.name and metadata.namespace. */
  fieldLabels?(object: Fields): Readonly<Record<string, string>>;
  /** Warnings for the writer. */
  warnings?(draft: Draft): readonly string[];
}

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer';
  readonly format: 'name' | '';
  readonly description: string;
  /** 1: shown by `-o wide` only. */
  readonly priority: number;
}

export interface Printer {
  readonly columns: readonly Column[];
  /** The cells of one row, in the order of the columns. */
  cells(object: KubeObject, now: Date): readonly unknown[];
  conditions?(object: KubeObject): readonly Fields[];
}

export interface Resource extends Strategy {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  /** The name of its struct in the schema table. */
  readonly struct: string;
  readonly subresources: readonly Subresource[];
  /** `metadata.generation` counts the changes of spec. */
  readonly countsGenerations: boolean;
  /** An update need not name the resourceVersion it starts from. */
  readonly unconditionalUpdate: boolean;
  readonly createOnUpdate?: boolean;
  /** DELETE answers the deleted object instead of a Status. */
  readonly returnsDeleted?: boolean;
  /** The default propagation policy of DELETE. */
  readonly defaultPropagation: 'background' | 'orphan';
  /** Names are checked by this rule. */
  readonly nameRule: 'subdomain' | 'label' | 'service';
  /** Why writes are refused, if they are: a sentence's object, as in `does not support ...`. */
  readonly readOnly?: string;
  readonly printer: Printer;
}

export type Subresource =
  | 'status'
  | 'scale'
  | 'binding'
  | 'log'
  | 'finalize'
  | 'proxy'
  | 'eviction'
  | 'exec'
  | 'attach'
  | 'portforward'
  | 'token'
  | 'ephemeralcontainers'
  | 'resize';

/** `jobs.batch`, `pods`: the key of a resource in the store. */
export function resourceKey(resource: { readonly group: string; readonly plural: string }): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
