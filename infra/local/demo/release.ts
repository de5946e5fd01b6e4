import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BUCKETS } from '../stack.ts';
import type { Client, Reply } from './client.ts';
import type { Terminal } from './terminal.ts';

const VALUES = new URL('../../examples/values.gcs.yaml', import.meta.url);

// The buckets of the example do not exist in this stack.
const SETS = [
  `repository.deployment.repositoryGcsBucket=${BUCKETS.models}`,
  `flea.deployment.fleaGcsBucket=${BUCKETS.models}`,
  `flea.deployment.fleaUploadGcsBucket=${BUCKETS.uploads}`,
  'repository.deployment.replicas=1,flea.deployment.replicas=1',
];

// A pod that cannot pull its image has 45 s; the demo waits for less.
const WAIT_SEC = 12;

const ObjectsSchema = z.array(
  z.looseObject({ kind: z.string(), name: z.string(), action: z.string(), ready: z.boolean().optional() }),
);

/** Releases the services from the chart's own values: missing keys, a deployment, and a broken tag that is rolled back. */
export async function showRelease(client: Client, terminal: Terminal): Promise<void> {
  const values = await readFile(VALUES, 'utf8');
  function path(...sets: string[]): string {
    return `/models?${queryOf(...sets)}`;
  }
  terminal.title('5. A release of the services, in place of helm upgrade --install --atomic --wait');
  terminal.command('curl "$DEPLOY/models?set=..." --data-binary @infra/examples/values.gcs.yaml');
  const missing = expectStatus(await client.deploy(path(), values), 424);
  terminal.bad(`424 ${String(missing.body['detail'])}`);
  const keys = { 'sacred.json': '{}', 'sacred.pem': 'of the demo', googleAccessId: 'demo@example.com' };
  await client.createSecret('default', 'tensorio-models', keys);
  printObjects(terminal, expectStatus(await client.deploy(path(), values), 201));
  const unchanged = expectStatus(await client.deploy(path(), values), 200);
  terminal.good(`${unchanged.status} ${String(unchanged.body['outcome'])} (the same call again)`);
  terminal.command(
    `curl "$DEPLOY/models?set=flea.deployment.tag=broken&...&timeoutSec=${WAIT_SEC}" --data-binary @infra/examples/values.gcs.yaml`,
  );
  printFailure(
    terminal,
    expectStatus(await client.deploy(`${path('flea.deployment.tag=broken')}&timeoutSec=${WAIT_SEC}`, values), 422),
  );
}

function queryOf(...more: string[]): string {
  return new URLSearchParams([...SETS, ...more].map((set): [string, string] => ['set', set])).toString();
}

function expectStatus(reply: Reply, status: number): Reply {
  if (reply.status === status) return reply;
  throw new Error(`expected ${status}, got ${reply.status} ${JSON.stringify(reply.body)}`);
}

function printObjects(terminal: Terminal, reply: Reply): void {
  const objects = ObjectsSchema.parse(reply.body['objects']);
  const lines = objects.map(
    ({ kind, name, action, ready }) => `${kind} ${name} ${action}${ready === true ? ', ready' : ''}`,
  );
  terminal.good(`${reply.status} ${String(reply.body['outcome'])}, revision ${String(reply.body['revision'])}`);
  for (const line of lines) terminal.line(`  ${line}`);
}

function printFailure(terminal: Terminal, { status, body }: Reply): void {
  terminal.bad(`${status} ${String(body['outcome'])}: ${String(body['reason'])}`);
  terminal.good(`revision ${String(body['revision'])} is running again`);
}
