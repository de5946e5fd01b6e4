import type { BucketRecord, ObjectAttributes, ObjectRecord } from './records.ts';

/** https://cloud.google.com/storage/docs/json_api/v1/objects#resource; int64s are strings. */
export interface ObjectResource extends ObjectAttributes {
  readonly kind: 'storage#object';
  readonly id: string;
  readonly selfLink: string;
  readonly mediaLink: string;
  readonly name: string;
  readonly bucket: string;
  readonly generation: string;
  readonly metageneration: string;
  readonly storageClass: string;
  readonly size: string;
  readonly md5Hash: string;
  readonly crc32c: string;
  readonly etag: string;
  readonly timeCreated: string;
  readonly updated: string;
  readonly timeStorageClassUpdated: string;
  readonly timeFinalized: string;
}

/** Opaque to clients; unique for each generation and metageneration. */
export function etagOf(object: ObjectRecord): string {
  return `${object.generation.toString(36)}-${object.metageneration.toString(36)}`;
}

/** Returns the object resource; `base` is the URL by which the client reached this server. */
export function buildObjectResource(object: ObjectRecord, base: string): ObjectResource {
  const path = `b/${object.bucket}/o/${encodeURIComponent(object.name)}`;
  return {
    kind: 'storage#object',
    id: `${object.bucket}/${object.name}/${object.generation}`,
    selfLink: `${base}/storage/v1/${path}`,
    mediaLink: `${base}/download/storage/v1/${path}?generation=${object.generation}&alt=media`,
    name: object.name,
    bucket: object.bucket,
    generation: String(object.generation),
    metageneration: String(object.metageneration),
    storageClass: 'STANDARD',
    ...object.attributes,
    size: String(object.size),
    md5Hash: object.md5Hash,
    crc32c: object.crc32c,
    etag: etagOf(object),
    timeCreated: object.timeCreated,
    updated: object.updated,
    timeStorageClassUpdated: object.timeCreated,
    timeFinalized: object.timeCreated,
  };
}

/** https://cloud.google.com/storage/docs/json_api/v1/buckets#resource */
export function buildBucketResource(bucket: BucketRecord, base: string): Readonly<Record<string, unknown>> {
  return {
    kind: 'storage#bucket',
    id: bucket.name,
    name: bucket.name,
    selfLink: `${base}/storage/v1/b/${bucket.name}`,
    projectNumber: '0',
    location: bucket.location,
    locationType: 'region',
    storageClass: bucket.storageClass,
    metageneration: '1',
    etag: 'CAE=',
    timeCreated: bucket.timeCreated,
    updated: bucket.timeCreated,
    iamConfiguration: {
      uniformBucketLevelAccess: { enabled: true },
      publicAccessPrevention: 'inherited',
    },
    softDeletePolicy: { retentionDurationSeconds: '0' },
  };
}
