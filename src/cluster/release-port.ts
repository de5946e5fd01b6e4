import type { Issue } from '../errors.ts';
import type { CallOptions, Cluster } from './port.ts';

/** Identifies an object of the cluster. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The manager that last set each field. https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management */
export interface ManagedFields {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly uid: string; readonly kind: string; readonly name: string }[];
  readonly managedFields?: readonly ManagedFields[];
}

/** An object as JSON: times are strings, and fields that a client library does not know are kept. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

/** A field that another manager set to a different value. */
export interface FieldConflict {
  readonly field: string;
  readonly manager: string;
}

export type Applied =
  | { readonly kind: 'applied'; readonly object: KubeObject; readonly created: boolean }
  | { readonly kind: 'conflict'; readonly conflicts: readonly FieldConflict[] }
  /** The API server rejects the object: a field is unknown, not allowed, or immutable. */
  | { readonly kind: 'refused'; readonly immutable: boolean; readonly issues: readonly Issue[] };

export interface ApplyOptions extends CallOptions {
  readonly dryRun?: boolean;
  /** Takes over fields that other managers own. */
  readonly force?: boolean;
}

/** Objects of the kinds that releases use. An absent object is `null`, `'absent'` or `'conflict'`; other failures are thrown (errors.ts). */
export interface Objects {
  getObject(ref: ObjectRef, options?: CallOptions): Promise<KubeObject | null>;
  /** All pages. The list is empty for a kind that the cluster does not serve. */
  listObjects(
    kind: Pick<ObjectRef, 'apiVersion' | 'kind' | 'namespace'>,
    labelSelector: string,
    options?: CallOptions,
  ): Promise<readonly KubeObject[]>;
  /** Server-side apply with the field manager of this service and strict validation. */
  applyObject(object: KubeObject, options?: ApplyOptions): Promise<Applied>;
  /** One request, never repeated by the adapter: an ambiguous result is an UnavailableError or a DeadlineError. */
  createObject(object: KubeObject, options?: CallOptions): Promise<KubeObject | 'exists'>;
  /** Replaces only the version in `object.metadata.resourceVersion`. One request, like `createObject`. */
  replaceObject(object: KubeObject, options?: CallOptions): Promise<KubeObject | 'conflict'>;
  /** Deletes only the object with that uid (and version, if given). What it owns is deleted in the background. */
  deleteObject(
    ref: ObjectRef,
    options: CallOptions & { readonly uid: string; readonly resourceVersion?: string },
  ): Promise<'deleted' | 'absent'>;
  /** Replaces the field ownership of an object and, if given, all its labels. Nothing else changes. */
  replaceManagedFields(
    object: KubeObject,
    managedFields: readonly ManagedFields[],
    options?: CallOptions & { readonly labels?: Readonly<Record<string, string>> },
  ): Promise<KubeObject | 'conflict'>;
}

/** The result of a GET through the API server's service proxy. */
export type Probe =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'unreachable'; readonly message: string };

export interface ServiceProxy {
  /** `port` is a name or a number of the Service. */
  probeService(namespace: string, service: string, port: string, path: string, options?: CallOptions): Promise<Probe>;
}

/** The part of a Kubernetes cluster that releases need. */
export interface ReleaseCluster extends Cluster, Objects, ServiceProxy {}
