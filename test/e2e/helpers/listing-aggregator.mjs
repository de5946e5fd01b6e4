// What runs for the aggregator's image where a test is about rounds and not about averages: its output is its list, so
// that a test reads from the output which updates went into it. A tenth of the time of the reference aggregator.
import { request } from 'node:http';

const {
  AGGREGATION_CKPTS_FILELIST: list = '',
  AGGREGATION_OUTPUT_PATH: output = '',
  STORAGE_API_ENDPOINT: endpoint,
} = process.env;

const call = (method, path, body) =>
  new Promise((resolve, reject) => {
    const sent = request(`${endpoint}${path}`, { method, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });

const parse = (uri) => {
  const [, bucket, name] = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  return { bucket, name };
};

const fail = (message) => {
  process.stderr.write(`Aggregation failed: ${message}\n`);
  process.exit(1);
};

const from = parse(list);
const read = await call('GET', `/storage/v1/b/${from.bucket}/o/${encodeURIComponent(from.name)}?alt=media`);
if (read.status !== 200) fail(`the list ${list} cannot be read: ${read.status}`);
const poisoned = read.text.split('\n').find((line) => line.includes('poison'));
if (poisoned !== undefined) fail(`update ${poisoned} is poisoned`);
const to = parse(output);
const name = encodeURIComponent(`${to.name}/checkpoint.index`);
const written = await call('POST', `/upload/storage/v1/b/${to.bucket}/o?uploadType=media&name=${name}`, read.text);
if (written.status !== 200) fail(`the output cannot be written: ${written.status}`);
process.stdout.write(`Listed ${read.text.trim().split('\n').length} updates\n`);
