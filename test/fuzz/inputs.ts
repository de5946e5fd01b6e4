import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { BUCKETS } from '../../infra/local/stack.ts';

export const FUNCTIONS = ['aggregate', 'onCheckpoint', 'deploy'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** One request: built by parts, or raw bytes for the socket. */
export interface Input {
  readonly target: FunctionName;
  readonly raw?: Uint8Array;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS'];
const SEGMENTS = ['', 'tasks', 'sweep', 'schedules', 'rounds', 'redrive', 'backfill', 'diff', 'history', 'rollback'];
const NAMES = [
  'set',
  'set-string',
  'set-json',
  'dryRun',
  'logs',
  'limit',
  'pageToken',
  'tick',
  'revision',
  'namespace',
];
const EXPRESSIONS = [
  'a.b=c',
  'aggregator.tag=1',
  'aggregator[0]=x',
  'a=b=c',
  '=',
  'a.__proto__.b=1',
  'rounds[99999]=1',
];

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('..', '%2e%2e', '%', '%ff', '%00', '__proto__', 'constructor', '-1', '1e9', '1'.repeat(30), '{date}'),
);
const segment = fc.oneof(
  fc.constantFrom(...SEGMENTS),
  hostile.map((text) => (/^[\x21-\x7e]*$/.test(text) ? text : encodeURIComponent(text.toWellFormed()))),
);
const query = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...NAMES), hostile), fc.oneof(fc.constantFrom(...EXPRESSIONS), hostile)), {
    maxLength: 3,
  })
  .map(
    (pairs) =>
      new URLSearchParams(pairs.map(([name, value]): [string, string] => [name.toWellFormed(), value.toWellFormed()])),
  );
const path = fc
  .tuple(fc.array(segment, { maxLength: 5 }), query)
  .map(([segments, parameters]) => `/${segments.join('/')}${parameters.size > 0 ? `?${parameters}` : ''}`)
  .map((text) => text.replaceAll(/[^\x21-\x7e]/g, '').replaceAll('#', '%23'));

const headerValue = fc.oneof(
  fc.constantFrom('application/json', 'application/yaml', 'text/event-stream', 'gzip', 'br', 'true', 'wait=1'),
  fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, '').trim()),
);
const HEADERS = [
  'content-type',
  'content-encoding',
  'accept',
  'authorization',
  'x-serverless-authorization',
  'x-cloudscheduler',
  'x-cloudscheduler-jobname',
  'x-cloudscheduler-scheduletime',
  'ce-type',
  'ce-id',
  'ce-source',
  'ce-specversion',
  'origin',
  'sec-fetch-site',
  'traceparent',
  'x-cloud-trace-context',
  'if-none-match',
  'range',
];
const headers = fc.dictionary(fc.constantFrom(...HEADERS), headerValue, { maxKeys: 5 });

const FINALISED = 'google.cloud.storage.object.v1.finalized';
const objectData = fc.record(
  {
    bucket: fc.oneof(fc.constantFrom(...Object.values(BUCKETS)), hostile),
    name: fc.oneof(fc.constantFrom('tasksJobs/t/j.zip', 'lists/x.txt'), hostile),
    generation: fc.oneof(fc.constantFrom('1', '9223372036854775808', 'x'), fc.nat().map(String)),
    size: fc.oneof(fc.nat(), fc.string()),
  },
  { requiredKeys: [] },
);
const event = fc.oneof(
  objectData,
  objectData.map((data) => ({ specversion: '1.0', id: '1', source: 's', type: FINALISED, data })),
  objectData.map(({ bucket, name, generation }) => ({
    message: {
      attributes: { eventType: 'OBJECT_FINALIZE', bucketId: bucket, objectId: name, objectGeneration: generation },
    },
  })),
);

const aggregator = fc.record(
  {
    aggregationId: hostile,
    repository: fc.oneof(fc.constant('docai/flea-aggregator'), hostile),
    tag: hostile,
    // No list exists: a run is never started.
    checkpointsFilePath: fc.oneof(fc.constant(`gs://${BUCKETS.uploads}/none.txt`), hostile),
    outputPath: fc.oneof(fc.constant(`gs://${BUCKETS.models}/out`), hostile),
    aggregationType: fc.oneof(fc.constant('cma'), hostile),
    resources: fc.jsonValue(),
    pod: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const document = fc.oneof(
  fc.jsonValue(),
  aggregator,
  fc.record({ aggregator, namespace: fc.oneof(fc.constant('default'), hostile) }, { requiredKeys: [] }),
  fc.record({ repository: fc.jsonValue(), flea: fc.jsonValue(), checkSecrets: fc.jsonValue() }, { requiredKeys: [] }),
  event,
);
const YAML = ['a: &a [*a]', 'a: !!js/function x', '? [x]', '- - -', '---\n---', 'a: b: c', '\t', '%TAG ! x', '<<: *x'];
const body = fc.oneof(
  document.map((value) => Buffer.from(JSON.stringify(value))),
  document.map((value) => gzipSync(JSON.stringify(value))),
  document.map((value) => Buffer.from(JSON.stringify(value).slice(0, -1))),
  fc.constantFrom(...YAML).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(Buffer.alloc(0), Buffer.alloc(1_100_000, 'x'), Buffer.from('['.repeat(60_000))),
);

const LINES = [
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET http://x/tasks HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n',
  'GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET //x/../y HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
];
const raw = fc.oneof(
  fc.constantFrom(...LINES).map((text) => Buffer.from(text)),
  fc
    .tuple(fc.constantFrom(...LINES), fc.nat({ max: 120 }), fc.uint8Array({ minLength: 1, maxLength: 8 }))
    .map(([text, at, bytes]) =>
      Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from(bytes), Buffer.from(text.slice(at))]),
    ),
);

const target = fc.constantFrom(...FUNCTIONS);
const method = fc.constantFrom(...METHODS);
const parts = { target, method, path, headers, body };

/** Requests that are nearly right, or not at all; none of them is complete enough to start something. */
export const inputs: fc.Arbitrary<Input> = fc.oneof(
  { weight: 6, arbitrary: fc.record(parts) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...parts,
      target: fc.constant('onCheckpoint' as const),
      method: fc.constant('POST'),
      headers: headers.map((some) => ({
        ...some,
        'ce-type': FINALISED,
        'ce-id': '1',
        'ce-source': 's',
        'ce-specversion': '1.0',
      })),
      body: event.map((value) => Buffer.from(JSON.stringify(value))),
    }),
  },
  { weight: 1, arbitrary: fc.record({ ...parts, raw }) },
);
