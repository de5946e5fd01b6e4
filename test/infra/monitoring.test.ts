import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { UnavailableError } from '../../src/errors.ts';
import { startDeploy } from '../functions/deploy-world.ts';
import { startAggregate } from '../functions/world.ts';
import { exampleDocument } from '../release/values.ts';
import { matchesFilter } from './log-filter.ts';
import {
  failedRound,
  failedRun,
  goodRun,
  heldUpRun,
  heldUpTask,
  type Line,
  missedTick,
  overdueTask,
  settledRound,
} from './log-lines.ts';
import { GOOD } from './refusals.ts';
import { describeTerraform, evaluate } from './terraform-tool.ts';

const AlertsSchema = z.object({
  base: z.string(),
  alerts: z.record(z.string(), z.object({ filter: z.string(), labels: z.record(z.string(), z.string()) })),
});

type Alerts = z.infer<typeof AlertsSchema>;

const failedSweep = async (): Promise<readonly Line[]> => {
  const list = async (): Promise<never> => {
    throw new UnavailableError('no bucket today');
  };
  const world = await startAggregate({}, { store: (store) => ({ ...store, list }) });
  await (await fetch(`${world.url}/sweep`, { method: 'POST' })).text();
  return world.lines;
};

const goodSweep = async (): Promise<readonly Line[]> => {
  const world = await startAggregate();
  await (await fetch(`${world.url}/sweep`, { method: 'POST' })).text();
  return world.lines;
};

/** The log lines of a release whose pods behave as `tag` says. */
const releaseOf = async (tag: string): Promise<readonly Line[]> => {
  const world = await startDeploy();
  const url = `${world.url}/demo?set=repository.deployment.tag=${tag}&set=flea=null`;
  await (await fetch(url, { method: 'POST', body: JSON.stringify(exampleDocument('basic')) })).text();
  return world.lines;
};

/** A dry run and a diff, while the API server cannot be reached. */
const failedDryRuns = async (): Promise<readonly Line[]> => {
  const unavailable = async (): Promise<never> => {
    throw new UnavailableError('no API server today');
  };
  const world = await startDeploy({}, (cluster) => ({
    ...cluster,
    getObject: unavailable,
    listObjects: unavailable,
    applyObject: unavailable,
  }));
  const body = JSON.stringify(exampleDocument('basic'));
  for (const path of ['demo?dryRun=server', 'demo/diff'])
    await (await fetch(`${world.url}/${path}`, { method: 'POST', body })).text();
  return world.lines;
};

/** The alerts that match one of the lines, with the labels that they extract. */
const alertsOn = (
  { base, alerts }: Alerts,
  lines: readonly Line[],
  service: string,
): Readonly<Record<string, unknown>> => {
  const found: Record<string, unknown> = {};
  for (const { severity, ...jsonPayload } of lines) {
    const resource = { type: 'cloud_run_revision', labels: { location: 'europe-west4', service_name: service } };
    const entry = { severity: String(severity), resource, jsonPayload };
    for (const [name, { filter, labels }] of Object.entries(alerts)) {
      if (!matchesFilter(`${base} AND ${filter}`, entry)) continue;
      found[name] = Object.fromEntries(Object.entries(labels).map(([label, field]) => [label, jsonPayload[field]]));
    }
  }
  return found;
};

describeTerraform('the alerts of infra/terraform/monitoring.tf', () => {
  let alerts: Alerts;
  beforeAll(async () => {
    alerts = AlertsSchema.parse(await evaluate(GOOD, '{ base = local.function_logs, alerts = local.log_alerts }'));
  }, 600_000);

  test.each([
    ['a failed round', failedRound, { failed_rounds: { task_id: 'mnist' } }],
    ['an overdue task', overdueTask, { overdue_tasks: { task_id: 'mnist' } }],
    ['a task that a missing Secret blocks', heldUpTask, { held_up_tasks: { task_id: 'mnist' } }],
    ['a missed tick', missedTick, { missed_ticks: { schedule: 'hourly', tick: '2026-11-22T03:00:00.000Z' } }],
    ['a failed sweep', failedSweep, { failed_sweeps: {} }],
    ['a failed run', failedRun, { failed_runs: { aggregation_id: 'nightly', trouble: 'failed' } }],
    ['a run that waits', heldUpRun, { failed_runs: { aggregation_id: 'nightly', trouble: 'held-up' } }],
    ['a run that ends well', goodRun, {}],
    ['a round that is settled', settledRound, {}],
    ['a sweep with nothing to do', goodSweep, {}],
  ])('match the log of the functions: %s', async (_name, run, expected) => {
    const lines = await run();
    expect(lines.length).toBeGreaterThan(0);
    expect(alertsOn(alerts, lines, 'tio-aggregate')).toEqual(expected);
  });

  test.each([
    ['a release whose pods crash', 'crash', { failed_releases: { path: '/demo' } }],
    ['a release that runs', 'ok', {}],
    ['a release that is refused', 'not/a/tag', {}],
  ])('match the log of deploy: %s', async (_name, tag, expected) => {
    const lines = await releaseOf(tag);
    expect(lines.length).toBeGreaterThan(0);
    expect(alertsOn(alerts, lines, 'tio-deploy')).toEqual(expected);
  });

  test('do not report a dry run of a release that fails', async () => {
    const lines = await failedDryRuns();
    expect(lines.map(({ status, dryRun }) => ({ status, dryRun }))).toEqual([
      { status: 503, dryRun: true },
      { status: 503, dryRun: undefined },
    ]);
    expect(alertsOn(alerts, lines, 'tio-deploy')).toEqual({});
  });

  test('ignore other services', async () => {
    expect(alertsOn(alerts, await failedRound(), 'another')).toEqual({});
  });
});
