import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { closest } from 'fastest-levenshtein';
import type { Stack, StackOptions } from './stack.ts';
import { BUCKETS, startStack } from './stack.ts';

const HELP = `npm start -- [options]      runs the whole system on this machine

  --data DIR            keep state in DIR; default: in memory
  --values FILE         the functions' values: aggregator defaults, schedules, rounds, lists
  --bucket NAME         another bucket for the functions (repeatable); those in the values need no option
  --port-base N         ports N, N+1, ...; default: free ones
  --kubeconfig FILE     use this API server; the local kubelet runs its pods
  --image NAME=COMMAND  the command that runs for an image (repeatable)
  --chaos SEED          duplicate, delay and reorder events, reproducibly
  --no-context          leave the contexts of tio as they are; otherwise "local" becomes the current one
  --json                print one line of JSON once everything answers
  --quiet               do not print the log lines of the functions
  --help
`;

const OPTIONS = {
  data: { type: 'string' },
  values: { type: 'string' },
  bucket: { type: 'string', multiple: true },
  'port-base': { type: 'string' },
  kubeconfig: { type: 'string' },
  image: { type: 'string', multiple: true },
  chaos: { type: 'string' },
  'no-context': { type: 'boolean' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const options = parseOptions();

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port >= 1024 && port <= 65_000 ? port : fail(`--port-base "${text}": must be a number from 1024 to 65000`);
}

function parseSeed(text: string): number {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : fail(`--chaos "${text}": must be a whole number`);
}

function parseImage(text: string): [string, readonly string[]] {
  const at = text.indexOf('=');
  const command = text.slice(at + 1).trim();
  if (at < 1 || command === '')
    return fail(`--image "${text}": must be NAME=COMMAND, for example docai/flea-aggregator=/usr/bin/my-aggregator`);
  return [text.slice(0, at), command.split(/\s+/)];
}

function requireFile(option: string, path: string): string {
  return existsSync(path) ? path : fail(`${option} "${path}": the file does not exist`);
}

function parseOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return fail(`${describeParseError(error)} "npm start -- --help" lists the options.`);
  }
}

function describeParseError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1];
  if (unknown === undefined) return `${message.replace(/\.?$/, '')}.`;
  const nearest = closest(unknown.replace(/^-+/, ''), Object.keys(OPTIONS));
  return `Unknown option "${unknown}". Did you mean "--${nearest}"?`;
}

/** Stores the addresses as context `local` of `tio`. A failure is printed, and stops nothing. */
async function writeContext(stack: Stack): Promise<void> {
  const tio = fileURLToPath(new URL('../scripts/tio.mjs', import.meta.url));
  const args = [tio, 'config', 'set', 'local', '--aggregate', stack.aggregate.url, '--deploy', stack.deploy.url];
  await promisify(execFile)(process.execPath, args).catch((error: unknown) =>
    process.stderr.write(`The context "local" of tio was not written: ${String(error)}\n`),
  );
}

function describe(stack: Stack): string {
  return `
Ready. Press Ctrl-C to stop.

  aggregate    ${stack.aggregate.url}
  onCheckpoint ${stack.onCheckpoint.url} (called for every upload)
  deploy       ${stack.deploy.url}
  tio          npx tio get runs
  Kubernetes   kubectl --kubeconfig ${stack.kubeconfig} get jobs,pods
  storage      export CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=${stack.storageUrl}/storage/v1/ \\
                      CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true CLOUDSDK_CORE_PROJECT=local
               gcloud storage ls gs://${BUCKETS.uploads}
  state        ${stack.stateUri}
  buckets      ${stack.buckets.join(' ')}

To run an aggregation, upload the updates and a list of them, create the Secret, and call the function:

  kubectl --kubeconfig ${stack.kubeconfig} create secret generic sacred --from-literal=sacred.json={}
  npx tio run -f values.aggregator.yaml --set aggregator.tag=1.0 --wait
  curl -s ${stack.aggregate.url}/?set=aggregator.tag=1.0 --data-binary @values.aggregator.yaml
`;
}

if (options.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}
const isQuiet = options.quiet === true || options.json === true;
const stackOptions: StackOptions = {
  ...(options.data !== undefined && { dataDir: options.data }),
  ...(options.values !== undefined && { valuesFile: options.values }),
  ...(options.bucket !== undefined && { buckets: options.bucket }),
  ...(options['port-base'] !== undefined && { portBase: parsePort(options['port-base']) }),
  ...(options.chaos !== undefined && { chaosSeed: parseSeed(options.chaos) }),
  ...(options.kubeconfig !== undefined && { kubeconfig: requireFile('--kubeconfig', options.kubeconfig) }),
  ...(options.image !== undefined && { images: Object.fromEntries(options.image.map(parseImage)) }),
  onLine: (source, line) => {
    if (!isQuiet) process.stdout.write(`${source}: ${line}\n`);
    else if (/"severity":"(ERROR|CRITICAL)"/.test(line)) process.stderr.write(`${source}: ${line}\n`);
  },
};
const stack = await startStack(stackOptions).catch((error: unknown) =>
  fail(`The local stack did not start: ${error instanceof Error ? error.message : String(error)}`),
);

const json = {
  aggregate: stack.aggregate.url,
  onCheckpoint: stack.onCheckpoint.url,
  deploy: stack.deploy.url,
  kubernetes: stack.kubernetesUrl,
  kubeconfig: stack.kubeconfig,
  storage: stack.storageUrl,
  stateUri: stack.stateUri,
  pid: process.pid,
};
// A program that reads --json has the addresses; it must not change what a person uses.
if (options.json !== true && options['no-context'] !== true) await writeContext(stack);
process.stdout.write(options.json === true ? `${JSON.stringify(json)}\n` : describe(stack));

let ending: Promise<void> | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    ending ??= stack.close().then(() => process.exit(0));
  });
}
