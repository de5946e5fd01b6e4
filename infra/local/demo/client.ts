/** The requests that a person would send with curl, kubectl and gcloud. */
export interface Client {
  post(path: string, body: string): Promise<Reply>;
  deploy(path: string, body: string): Promise<Reply>;
  get(path: string): Promise<Reply>;
  upload(bucket: string, name: string, bytes: Uint8Array): Promise<void>;
  download(bucket: string, name: string): Promise<Uint8Array<ArrayBuffer>>;
  createSecret(namespace: string, name: string, data: Readonly<Record<string, string>>): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ClientOptions {
  readonly aggregate: string;
  readonly deploy: string;
  readonly kubernetes: string;
  readonly storage: string;
}

/** Returns a client that uses plain HTTP. Uploads and downloads throw unless they succeed. */
export function createClient({ aggregate, deploy, kubernetes, storage }: ClientOptions): Client {
  return {
    post: (path, body) => postText(`${aggregate}${path}`, body),
    deploy: (path, body) => postText(`${deploy}${path}`, body),
    get: async (path) => reply(await fetch(`${aggregate}${path}`)),
    upload: async (bucket, name, bytes) => {
      const url = `${storage}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`;
      const headers = { 'content-type': name.endsWith('.zip') ? 'application/zip' : 'application/octet-stream' };
      await succeed(
        `upload gs://${bucket}/${name}`,
        await fetch(url, { method: 'POST', body: Buffer.from(bytes), headers }),
      );
    },
    download: async (bucket, name) => {
      const url = `${storage}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`;
      const response = await succeed(`download gs://${bucket}/${name}`, await fetch(url));
      return new Uint8Array(await response.arrayBuffer());
    },
    createSecret: async (namespace, name, data) => {
      const body = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: data });
      const headers = { 'content-type': 'application/json' };
      await succeed(
        `create secret ${name}`,
        await fetch(`${kubernetes}/api/v1/namespaces/${namespace}/secrets`, { method: 'POST', body, headers }),
      );
    },
  };
}

// The content type of `curl --data-binary`.
async function postText(url: string, body: string): Promise<Reply> {
  return reply(
    await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  );
}

async function reply(response: Response): Promise<Reply> {
  const body: unknown = await response.json();
  return { status: response.status, body: isRecord(body) ? body : {} };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

async function succeed(what: string, response: Response): Promise<Response> {
  if (response.ok) return response;
  throw new Error(`${what}: ${response.status} ${await response.text()}`);
}
