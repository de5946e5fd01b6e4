import type { Issue } from '../errors.ts';
import type { CallOptions, Cluster } from './port.ts';

/** What names an object of the cluster. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Who set which fields last. https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management */
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

/** An object as its JSON has it: times are texts, and no field is lost that a client library does not know. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

/** A field that another manager set to another value. */
export interface FieldConflict {
  readonly field: string;
  readonly manager: string;
}

export type Applied =
  | { readonly kind: 'applied'; readonly object: KubeObject; readonly created: boolean }
  | { readonly kind: 'conflict'; readonly conflicts: readonly FieldConflict[] }
  /** The API server finds the object wrong: a field it does not know or allow, or that may not change any more. */
  | { readonly kind: 'refused'; readonly immutable: boolean; readonly issues: readonly Issue[] };

export interface ApplyOptions extends CallOptions {
  readonly dryRun?: boolean;
  /** Takes over fields that other managers own. */
  readonly force?: boolean;
}

/** Objects of any kind that releases have. Absent is `null`, `'absent'` or `'conflict'`; the rest is thrown (errors.ts). */
export interface Objects {
  getObject(ref: ObjectRef, options?: CallOptions): Promise<KubeObject | null>;
  /** All pages. A kind that the cluster does not serve has no objects. */
  listObjects(
    kind: Pick<ObjectRef, 'apiVersion' | 'kind' | 'namespace'>,
    labelSelector: string,
    options?: CallOptions,
  ): Promise<readonly KubeObject[]>;
  /** Server-side apply as our field manager, with strict validation. */
  applyObject(object: KubeObject, options?: ApplyOptions): Promise<Applied>;
  /** One attempt, never repeated by the adapter: an ambiguous end is an UnavailableError or a DeadlineError. */
  createObject(object: KubeObject, options?: CallOptions): Promise<KubeObject | 'exists'>;
  /** Only the very version that `object.metadata.resourceVersion` names. One attempt, as `createObject`. */
  replaceObject(object: KubeObject, options?: CallOptions): Promise<KubeObject | 'conflict'>;
  /** Only the very object of that uid (and version, if given), with what it owns in the background. */
  deleteObject(
    ref: ObjectRef,
    options: CallOptions & { readonly uid: string; readonly resourceVersion?: string },
  ): Promise<'deleted' | 'absent'>;
  /** Says anew who owns the fields of an object; nothing else of it changes. */
  replaceManagedFields(
    object: KubeObject,
    managedFields: readonly ManagedFields[],
    options?: CallOptions,
  ): Promise<KubeObject | 'conflict'>;
}

/** What a GET through the API server's service proxy came to. */
export type Probe =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'unreachable'; readonly message: string };

export interface ServiceProxy {
  /** `port` is a name or a number of the Service. */
  probeService(namespace: string, service: string, port: string, path: string, options?: CallOptions): Promise<Probe>;
}

/** A Kubernetes cluster, as far as releases need it. */
export interface ReleaseCluster extends Cluster, Objects, ServiceProxy {}
