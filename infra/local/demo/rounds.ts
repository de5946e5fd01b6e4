import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BUCKETS } from '../stack.ts';
import type { Client } from './client.ts';
import { readAverage } from './compare.ts';
import type { Terminal } from './terminal.ts';
import type { Expected } from './updates.ts';
import { bundleFile } from './updates.ts';

/** Values of the demo: rounds of 5 to 6 updates, and one retry. Fewer updates wait. */
export const ROUND_VALUES = `aggregator:
  repository: docai/flea-aggregator
  tag: "1.0"
  aggregationType: wcma
  backoffLimit: 0
  serviceAccount: {secret: sacred, key: sacred.json, mountPath: /etc/sacred}
rounds:
  - uploads: gs://${BUCKETS.uploads}/tasksJobs/{taskId}/{jobId}.zip
    outputPath: gs://${BUCKETS.models}/{taskId}/round-{round}/attempt-{attempt}
    reportGoal: 5
    maxReports: 6
    roundTimeoutSec: 600
    maxAttempts: 2
    retryBackoffSec: 1
`;

const WAIT_MS = 90_000;
const POLL_MS = 250;
const CORRUPT = '00000000-0000-4000-8000-00000000dead';

const RoundSchema = z.looseObject({
  round: z.number(),
  outcome: z.string(),
  updates: z.number(),
  attempts: z.number(),
  outputPath: z.string(),
  failures: z.array(z.looseObject({ reason: z.string() })).optional(),
});

const TaskSchema = z.looseObject({
  accounting: z.record(z.string(), z.number()),
  decision: z.looseObject({ kind: z.string(), reason: z.string() }),
  rounds: z.array(RoundSchema),
});
type Task = z.infer<typeof TaskSchema>;

const ManifestSchema = z.looseObject({ updates: z.array(z.looseObject({ jobId: z.string() })) });

interface Part {
  readonly weight: number;
  readonly average: ReadonlyMap<string, readonly number[]>;
}

/** Rounds start by themselves: updates arrive out of order, one of them twice, and one is corrupt; a redrive leaves that one out. */
export async function showRounds(
  client: Client,
  terminal: Terminal,
  expected: Expected,
  tolerance: number,
): Promise<void> {
  const { task } = expected;
  terminal.title('4. Rounds start by themselves: 12 updates and a corrupt one arrive out of order');
  await uploadAll(client, expected);
  const rested = await awaitTask(client, terminal, task, (found) => isAtRest(found) && found.rounds.length > 1);
  printRounds(terminal, rested);
  const [again] = expected.jobs;
  await client.upload(
    BUCKETS.uploads,
    `tasksJobs/${task}/${again?.jobId}.zip`,
    await readFile(bundleFile(task, again?.jobId ?? '')),
  );
  const counted = await readTask(client, task);
  if (counted === null || counted.accounting['uploaded'] !== rested.accounting['uploaded'])
    throw new Error(`an update with equal content was counted again: ${JSON.stringify(counted?.accounting)}`);
  terminal.good(`${describeCounts(counted)} (one was uploaded twice: equal content is the same update)`);
  const failed = rested.rounds.find(({ outcome }) => outcome === 'failed');
  if (failed === undefined) throw new Error('the round with the corrupt update did not fail');
  await redrive(client, terminal, task, failed.round);
  const done = await force(client, terminal, expected);
  const error = await largestError(client, expected, done);
  if (!(error <= tolerance))
    throw new Error(`the rounds together: the largest error is ${error}, more than ${tolerance}`);
  terminal.good(`the rounds together are the average of all 12: largest error ${error.toExponential(1)}`);
}

async function uploadAll(client: Client, expected: Expected): Promise<void> {
  function name(jobId: string): string {
    return `tasksJobs/${expected.task}/${jobId}.zip`;
  }
  const jobIds = expected.jobs.map(({ jobId }) => jobId);
  const order = arrivals(jobIds);
  for (const jobId of order) {
    const bytes =
      jobId === CORRUPT ? Buffer.from('not a zip file at all') : await readFile(bundleFile(expected.task, jobId));
    await client.upload(BUCKETS.uploads, name(jobId), bytes);
  }
}

// Devices finish in any order: here every fifth of thirteen, the corrupt one among them.
function arrivals(jobIds: readonly string[]): string[] {
  const all = [...jobIds.slice(0, 7), CORRUPT, ...jobIds.slice(7)];
  return all.map((_, index) => all[(index * 5) % all.length] ?? '');
}

/** Polls the task until `isDone`, and checks its update counts each time. */
async function awaitTask(
  client: Client,
  terminal: Terminal,
  task: string,
  isDone: (task: Task) => boolean,
): Promise<Task> {
  for (const end = Date.now() + WAIT_MS; Date.now() < end; await sleep(POLL_MS)) {
    const found = await readTask(client, task);
    if (found === null) continue;
    terminal.progress(describeCounts(found));
    if (isDone(found)) return found;
  }
  throw new Error(
    `task ${task} was not done within ${WAIT_MS / 1000} s: ${JSON.stringify(await readTask(client, task))}`,
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function readTask(client: Client, task: string): Promise<Task | null> {
  const { status, body } = await client.get(`/tasks/${task}`);
  return status === 404 ? null : TaskSchema.parse(body);
}

function describeCounts({ accounting }: Task): string {
  const { uploaded = 0, ...parts } = accounting;
  const present = Object.entries(parts).filter(([, count]) => count > 0);
  const sum = Object.values(parts).reduce((total, count) => total + count, 0);
  if (sum !== uploaded) throw new Error(`the update counts do not add up: ${JSON.stringify(accounting)}`);
  return `${uploaded} uploaded = ${present.map(([name, count]) => `${count} ${name}`).join(' + ') || '0'}`;
}

/** No round is running, and too few updates are left to start one. */
function isAtRest({ accounting, decision }: Task): boolean {
  return accounting['running'] === 0 && decision.kind === 'wait' && (accounting['pending'] ?? 0) < 5;
}

function printRounds(terminal: Terminal, task: Task): void {
  for (const { round, outcome, updates, attempts, failures } of task.rounds.toReversed()) {
    terminal.line(`  round ${round}: ${updates} updates, ${outcome} (attempt ${attempts})`);
    const reason = failures?.at(-1)?.reason;
    if (outcome === 'failed' && reason !== undefined) terminal.bad(reason);
  }
}

/** Runs the failed round again, without the corrupt update. */
async function redrive(client: Client, terminal: Terminal, task: string, round: number): Promise<void> {
  const path = `/tasks/${task}/rounds/${round}/redrive?without=${CORRUPT}`;
  terminal.command(`curl -X POST "$AGGREGATE${path}"`);
  const { status, body } = await client.post(path, '');
  if (status !== 201) throw new Error(`expected 201, got ${status} ${JSON.stringify(body)}`);
  const done = await awaitTask(client, terminal, task, (found) => isAtRest(found) && found.accounting['failed'] === 1);
  terminal.good(`round ${String(body['redrivenAs'])} aggregated the other updates of it: ${describeCounts(done)}`);
}

/** Too few updates are left for a round to start by itself: the call forces one. */
async function force(client: Client, terminal: Terminal, { task, jobs }: Expected): Promise<Task> {
  terminal.line(`  the other updates wait: ${(await readTask(client, task))?.decision.reason}`);
  terminal.command(`curl -X POST "$AGGREGATE/tasks/${task}?force=true"`);
  const { status, body } = await client.post(`/tasks/${task}?force=true`, '');
  if (status >= 300) throw new Error(`expected a round, got ${status} ${JSON.stringify(body)}`);
  const done = await awaitTask(
    client,
    terminal,
    task,
    (found) => isAtRest(found) && found.accounting['aggregated'] === jobs.length,
  );
  terminal.good(describeCounts(done));
  return done;
}

/**
 * Returns the largest error of all rounds together: their averages, weighted by samples, must be the average of all
 * updates that TensorFlow computed.
 */
async function largestError(client: Client, expected: Expected, task: Task): Promise<number> {
  const done = task.rounds.filter(({ outcome }) => outcome === 'aggregated');
  const parts = await Promise.all(done.map((round) => partOf(client, expected, round)));
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const errors = Object.entries(expected.wcma).flatMap(([name, values]) =>
    values.map((value, index) => {
      const sum = parts.reduce(
        (all, { weight, average }) => all + weight * (average.get(name)?.[index] ?? Number.NaN),
        0,
      );
      return Math.abs(sum / total - value);
    }),
  );
  return errors.reduce((most, error) => (error <= most ? most : error), 0);
}

async function partOf(
  client: Client,
  expected: Expected,
  { round, outputPath }: Task['rounds'][number],
): Promise<Part> {
  const directory = outputPath.slice(`gs://${BUCKETS.models}/`.length);
  const manifest = `tasks/${expected.task}/rounds/${String(round).padStart(6, '0')}/manifest.json`;
  const text = Buffer.from(await client.download(BUCKETS.state, manifest)).toString('utf8');
  const samples = new Map(expected.jobs.map(({ jobId, numSamples }) => [jobId, numSamples]));
  const { updates } = ManifestSchema.parse(JSON.parse(text));
  const weight = updates.reduce((sum, { jobId }) => sum + (samples.get(jobId) ?? 0), 0);
  return { weight, average: await readAverage(client, BUCKETS.models, directory) };
}
