import type { RawApi } from '../../contracts/raw-api.ts';
import { isObject, member } from './json.ts';

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Upload {
  readonly bucket: string;
  readonly name: string;
  readonly bytes: Uint8Array | string;
}

/** What people, devices and Cloud Scheduler do, over plain HTTP. */
export interface Calls {
  /** A call of `aggregate`; `body` is sent as JSON, text as it is. Rejects where the connection fails. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  /** Uploads as a device does, without any condition. Answers the generation. */
  upload(upload: Upload): Promise<string>;
  /** `null` where there is no such object. */
  download(bucket: string, name: string): Promise<Uint8Array<ArrayBuffer> | null>;
  putSecret(name: string, data: Readonly<Record<string, string>>): Promise<void>;
  removeSecret(name: string): Promise<void>;
  /** The Jobs of the namespace. */
  jobs(): Promise<readonly Record<string, unknown>[]>;
}

/** `aggregate` at `url`, or whatever else answers like it. */
export const send = async (
  url: string,
  method: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> => {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const parsed: unknown = type.includes('json') ? JSON.parse(text) : {};
  return { status: response.status, type, text, body: isObject(parsed) ? parsed : {} };
};

const upload = async (storage: string, { bucket, name, bytes }: Upload): Promise<string> => {
  const query = new URLSearchParams({ uploadType: 'media', name });
  const response = await fetch(`${storage}/upload/storage/v1/b/${bucket}/o?${query}`, {
    method: 'POST',
    body: typeof bytes === 'string' ? bytes : Buffer.from(bytes),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`upload gs://${bucket}/${name}: ${response.status} ${text}`);
  return String(member(JSON.parse(text), 'generation'));
};

const download = async (storage: string, bucket: string, name: string): Promise<Uint8Array<ArrayBuffer> | null> => {
  const response = await fetch(`${storage}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`);
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`download gs://${bucket}/${name}: ${response.status} ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
};

/** `aggregate` is asked at every call where the function is: started again, it may be elsewhere. */
export const createCalls = (aggregate: () => string, storage: string, api: RawApi, namespace: string): Calls => ({
  call: (method, path, body, headers) => send(`${aggregate()}${path}`, method, body, headers),
  upload: (object) => upload(storage, object),
  download: (bucket, name) => download(storage, bucket, name),
  putSecret: async (name, data) => {
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const { json } = await api.send('GET', path);
    const items = member(json, 'items');
    const isThere = Array.isArray(items) && items.some((item) => member(item, 'metadata', 'name') === name);
    if (isThere) await api.send('DELETE', `${path}/${name}`);
    await api.send('POST', path, { metadata: { name }, stringData: data });
  },
  removeSecret: async (name) => {
    await api.send('DELETE', `/api/v1/namespaces/${namespace}/secrets/${name}`);
  },
  jobs: async () => {
    const { json } = await api.send('GET', `/apis/batch/v1/namespaces/${namespace}/jobs`);
    const items = member(json, 'items');
    return Array.isArray(items) ? items.filter(isObject) : [];
  },
});
