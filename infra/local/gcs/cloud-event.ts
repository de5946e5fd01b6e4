import type { ObjectResource } from './resource.ts';

/** A CloudEvent in binary mode, ready to be posted. */
export interface BinaryEvent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The event that Eventarc posts for a finalised object. Deliveries of one event share `id`; consumers must not use it
 * as the identity of the object, which is bucket, name and generation.
 * https://cloud.google.com/eventarc/docs/cloudevents
 */
export function buildFinalizedEvent(object: ObjectResource, id: string): BinaryEvent {
  return {
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': encodeHeader(id),
      'ce-type': 'google.cloud.storage.object.v1.finalized',
      'ce-source': `//storage.googleapis.com/projects/_/buckets/${object.bucket}`,
      'ce-subject': encodeHeader(`objects/${object.name}`),
      'ce-time': object.timeCreated,
      'ce-bucket': object.bucket,
    },
    body: JSON.stringify(object),
  };
}

/**
 * An attribute as a header value: printable ASCII but for space, quote and percent, which are percent-encoded.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values
 */
function encodeHeader(value: string): string {
  return value.replace(/[^!#$&-~]/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
