import type { Fields } from '../json.ts';
import { apiVersionOf } from '../resources/resource.ts';
import type { Resource } from '../resources/resource.ts';
import type { KubeObject } from '../types.ts';

export interface TableOptions {
  readonly now: Date;
  /** What of the object each row carries along: `Metadata` (the default), `Object` or `None`. */
  readonly includeObject: string;
  /** A watch sends the columns with its first event only. */
  readonly withColumns: boolean;
}

export function tableOf(
  resource: Resource,
  objects: readonly KubeObject[],
  metadata: Fields,
  options: TableOptions,
): Fields {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: options.withColumns ? resource.printer.columns : null,
    rows: objects.map((object) => rowOf(resource, object, options)),
  };
}

function rowOf(resource: Resource, object: KubeObject, { now, includeObject }: TableOptions): Fields {
  const conditions = resource.printer.conditions?.(object) ?? [];
  const shown = includeObject === 'Object' ? object : metadataOf(object);
  return {
    cells: resource.printer.cells(object, now),
    ...(conditions.length > 0 && { conditions }),
    object: includeObject === 'None' ? null : shown,
  };
}

export function metadataOf(object: KubeObject): Fields {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: object.metadata,
  };
}

export function listOf(resource: Resource, objects: readonly KubeObject[], metadata: Fields): Fields {
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata,
    // The items of a list do not repeat what the list says of them.
    items: objects.map(({ kind: _kind, apiVersion: _apiVersion, ...rest }) => rest),
  };
}

export function metadataListOf(objects: readonly KubeObject[], metadata: Fields): Fields {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    items: objects.map((object) => metadataOf(object)),
  };
}
