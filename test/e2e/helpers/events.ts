import type { World } from './world.ts';

/** What of an object an event tells. */
export interface ToldObject {
  readonly bucket: string;
  readonly name: string;
  readonly generation: string;
  readonly size?: string;
}

export interface EventRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const TYPE = 'google.cloud.storage.object.v1.finalized';
const sourceOf = ({ bucket }: ToldObject): string => `//storage.googleapis.com/projects/_/buckets/${bucket}`;

/** Attributes as headers, data as the body: what Eventarc sends. */
export const binaryEvent = (object: ToldObject, type = TYPE): EventRequest => ({
  headers: {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': `${object.generation}`,
    'ce-type': type,
    'ce-source': sourceOf(object),
    'ce-subject': encodeURIComponent(`objects/${object.name}`),
  },
  body: JSON.stringify(object),
});

/** Attributes and data in one JSON document. */
export const structuredEvent = (object: ToldObject): EventRequest => ({
  headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
  body: JSON.stringify({
    specversion: '1.0',
    id: object.generation,
    type: TYPE,
    source: sourceOf(object),
    subject: `objects/${object.name}`,
    datacontenttype: 'application/json',
    data: object,
  }),
});

/** A Pub/Sub push of a Cloud Storage notification with the payload format JSON_API_V1. */
export const pubSubEvent = (object: ToldObject): EventRequest => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    message: {
      messageId: '1',
      publishTime: '2026-11-22T00:00:00Z',
      attributes: {
        notificationConfig: `projects/_/buckets/${object.bucket}/notificationConfigs/1`,
        eventType: 'OBJECT_FINALIZE',
        payloadFormat: 'JSON_API_V1',
        bucketId: object.bucket,
        objectId: object.name,
        objectGeneration: object.generation,
      },
      data: Buffer.from(JSON.stringify(object)).toString('base64'),
    },
    subscription: 'projects/local/subscriptions/uploads',
  }),
});

/** Delivers one event as Eventarc or Pub/Sub does; 2xx acknowledges it. */
export const deliver = async (world: World, { headers, body }: EventRequest): Promise<number> => {
  const response = await fetch(world.functions.onCheckpoint.url, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return response.status;
};

/** The log lines of onCheckpoint from the `from`th on, parsed. */
export const eventLines = (world: World, from = 0): readonly Record<string, unknown>[] =>
  world.lines
    .slice(from)
    .filter(({ source }) => source === 'onCheckpoint')
    .map(({ text }): Record<string, unknown> => JSON.parse(text));
