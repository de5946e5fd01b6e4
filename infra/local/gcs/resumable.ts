import { randomUUID } from 'node:crypto';
import type { BlobWriter } from './blobs.ts';
import { createBlobWriter } from './blobs.ts';
import { badRequest, GcsError } from './errors.ts';
import type { Call, Reply } from './http.ts';
import { readJsonBody } from './http.ts';
import type { Upload } from './insert.ts';
import { beginUpload, finishUpload, writeAll } from './insert.ts';
import { objectReply } from './objects.ts';
import { parseContentRange } from './ranges.ts';
import type { ObjectRecord } from './records.ts';
import type { Store } from './store.ts';

/** Resumable uploads in progress. They are kept in memory: after a restart clients get 404 and start again. */
export interface ResumableUploads {
  start(store: Store, call: Call, bucket: string): Promise<Reply>;
  /** A PUT to the session: bytes, or `bytes * /N` to query its progress. */
  resume(store: Store, call: Call): Promise<Reply>;
  cancel(call: Call): Promise<Reply>;
  close(): Promise<void>;
}

interface Session {
  readonly upload: Upload;
  readonly writer: BlobWriter;
  object: ObjectRecord | null;
  busy: boolean;
}

// https://cloud.google.com/storage/docs/performing-resumable-uploads: gone after a week; here after the newest 1000.
const MAX_SESSIONS = 1000;

/** Skips bytes that arrived before, because a client may resend from an earlier byte. */
async function* skip(source: AsyncIterable<unknown>, bytes: number): AsyncGenerator<Buffer, void, undefined> {
  let left = bytes;
  for await (const chunk of source) {
    if (!Buffer.isBuffer(chunk)) continue;
    if (chunk.length > left) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/** No sessions yet. */
export function createResumableUploads(): ResumableUploads {
  const sessions = new Map<string, Session>();
  function find(call: Call): { id: string; session: Session } {
    const id = call.query.get('upload_id') ?? '';
    const session = sessions.get(id);
    if (session === undefined) throw new GcsError(404, 'notFound', 'No such upload session; start the upload again.');
    return { id, session };
  }
  async function drop(id: string, session: Session): Promise<void> {
    sessions.delete(id);
    if (session.object === null) await session.writer.discard();
  }

  return {
    async start(store, call, bucket) {
      store.bucket(bucket);
      const contentType = call.request.headers['x-upload-content-type'];
      const metadata = await readJsonBody(call.request);
      const type = contentType === undefined ? undefined : String(contentType);
      const upload = beginUpload(store, call, bucket, metadata, type);
      const id = randomUUID();
      sessions.set(id, { upload, writer: createBlobWriter(store.blobDirectory), object: null, busy: false });
      const [oldest] = sessions;
      if (sessions.size > MAX_SESSIONS && oldest !== undefined) await drop(...oldest);
      const fields = call.query.get('fields');
      const location = `${call.base}/upload/storage/v1/b/${bucket}/o?uploadType=resumable&upload_id=${id}`;
      const suffix = fields === null ? '' : `&fields=${encodeURIComponent(fields)}`;
      return { status: 200, headers: { location: location + suffix, 'x-guploader-uploadid': id } };
    },
    async resume(store, call) {
      const { id, session } = find(call);
      if (session.object !== null) return objectReply(call, session.object);
      if (session.busy) throw new GcsError(503, 'backendError', 'Another request is sending bytes of this upload.');
      session.busy = true;
      try {
        return await receive(store, call, session);
      } catch (error) {
        // Broken off midway, the bytes so far stay; refused for good, the session is over.
        if (error instanceof GcsError) await drop(id, session);
        throw error;
      } finally {
        session.busy = false;
      }
    },
    async cancel(call) {
      const { id, session } = find(call);
      await drop(id, session);
      return { status: 499 };
    },
    async close() {
      for (const [id, session] of sessions) await drop(id, session);
    },
  };
}

async function receive(store: Store, call: Call, session: Session): Promise<Reply> {
  const { writer, upload } = session;
  const range = parseContentRange(call.request.headers['content-range']);
  if (range === null) throw badRequest('Failed to parse Content-Range header.');
  if (range.start !== null) {
    if (range.start > writer.size) throw badRequest(`Invalid request. Byte ${writer.size} is expected next.`);
    await writeAll(writer, skip(call.request, writer.size - range.start));
  }
  if (range.total !== null && writer.size > range.total) throw badRequest('More bytes than the Content-Range says.');
  if (range.last && range.total !== null && writer.size < range.total) {
    throw badRequest(`Invalid request. ${range.total} bytes were announced, ${writer.size} arrived.`);
  }
  if (!range.last && writer.size !== range.total) return incomplete(session, call);
  session.object = await finishUpload(store, upload, writer);
  return objectReply(call, session.object);
}

function incomplete({ writer }: Session, call: Call): Reply {
  const range = writer.size === 0 ? {} : { range: `bytes=0-${writer.size - 1}` };
  // Clients whose HTTP library follows 308 as a redirect ask for 200 instead.
  if (call.request.headers['x-guploader-no-308'] !== 'yes') return { status: 308, headers: range };
  return { status: 200, headers: { ...range, 'x-http-status-code-override': '308' } };
}
