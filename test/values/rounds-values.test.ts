import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/values/json.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { refusalOf } from './refusal.ts';

const round = (fields: JsonObject = {}): JsonObject => ({
  uploads: 'gs://uploads/tasksJobs/{taskId}/{jobId}.zip',
  outputPath: 'gs://outputs/{taskId}/round-{round}/attempt-{attempt}',
  reportGoal: 10,
  ...fields,
});
const list = (fields: JsonObject = {}): JsonObject => ({
  object: 'gs://jobs/{taskId}/aggregation-checkpoints.txt',
  outputPath: 'gs://jobs/{taskId}/final-aggregate',
  ...fields,
});
const issuesOf = (document: JsonObject): string[] =>
  refusalOf(() => parseValues(document)).issues.map(({ path, message }) => `${path} ${message}`);

describe('rounds', () => {
  test('with two patterns that could have the same task id are refused, with the remedy', () => {
    const [ios, android] = ['ios', 'android'].map((os) =>
      round({
        uploads: `gs://uploads/${os}/{taskId}/{jobId}.zip`,
        outputPath: `gs://outputs/${os}/{taskId}/{round}/{attempt}`,
      }),
    );
    expect(issuesOf({ rounds: [{ ...ios }, { ...android }] })).toEqual([
      expect.stringMatching(/^rounds\[1\]\.taskIdPrefix is the same as rounds\[0\]\.taskIdPrefix .* Set another one/),
    ]);
    const { rounds } = parseValues({ rounds: [{ ...ios }, { ...android, taskIdPrefix: 'android-' }] });
    expect(rounds.map(({ taskIdPrefix }) => taskIdPrefix)).toEqual(['', 'android-']);
  });

  test('get their defaults', () => {
    expect(parseValues({ rounds: [round()], lists: [list()] }).rounds).toEqual([
      {
        ...round(),
        taskIdPrefix: '',
        minReports: 10,
        maxReports: 13,
        roundTimeoutSec: 3600,
        quietPeriodSec: 0,
        maxAttempts: 3,
        retryBackoffSec: 30,
        lateUpdates: 'carry',
        settledWindowSec: 604_800,
      },
    ]);
  });

  test.each([
    [1, 1],
    [3, 3],
    [5, 6],
    [100, 130],
    [110, 143],
  ])('with the goal %i take at most %i by default', (reportGoal, maxReports) => {
    expect(parseValues({ rounds: [round({ reportGoal })] }).rounds[0]?.maxReports).toBe(maxReports);
  });

  test.each<[string, JsonObject, string, string]>([
    ['too many minimum reports', { minReports: 11 }, 'rounds[0].minReports', 'rounds[0].reportGoal (10)'],
    ['a cap below the goal', { maxReports: 9 }, 'rounds[0].maxReports', 'rounds[0].reportGoal (10)'],
    [
      'a quiet period that never ends first',
      { quietPeriodSec: 100, roundTimeoutSec: 50 },
      'rounds[0].quietPeriodSec',
      'rounds[0].roundTimeoutSec',
    ],
    [
      'attempts that share a directory',
      { outputPath: 'gs://outputs/{taskId}/{round}' },
      'rounds[0].outputPath',
      'rounds[0].maxAttempts (3)',
    ],
    [
      'rounds that share a directory',
      { outputPath: 'gs://outputs/{taskId}/{attempt}' },
      'rounds[0].outputPath',
      'has no {round}',
    ],
    [
      'tasks that share a directory',
      { outputPath: 'gs://outputs/{round}/{attempt}' },
      'rounds[0].outputPath',
      'has no {taskId}',
    ],
    [
      'an unknown placeholder',
      { outputPath: 'gs://outputs/{taskId}/{round}/{attempt}/{jobId}' },
      'rounds[0].outputPath',
      '{jobId}',
    ],
    ['uploads without a job', { uploads: 'gs://uploads/{taskId}/x.zip' }, 'rounds[0].uploads', '{jobId}'],
    ['uploads without a task', { uploads: 'gs://uploads/x/{jobId}.zip' }, 'rounds[0].uploads', '{taskId}'],
    [
      'a loop',
      { outputPath: 'gs://uploads/tasksJobs/{taskId}' },
      'rounds[0].outputPath',
      'could contain objects that match rounds[0].uploads',
    ],
    ['a window below an hour', { settledWindowSec: 3599 }, 'rounds[0].settledWindowSec', 'at least 3600'],
    ['no goal', { reportGoal: 0 }, 'rounds[0].reportGoal', 'at least 1'],
    ['a long backoff', { retryBackoffSec: 601 }, 'rounds[0].retryBackoffSec', 'at most 600'],
  ])('with %s are rejected', (_what, fields, path, words) => {
    expect(
      issuesOf({ rounds: [round(fields)] }).filter((issue) => issue.startsWith(`${path} `) && issue.includes(words)),
    ).toHaveLength(1);
  });

  test('may combine placeholders in a path segment', () => {
    const outputPath = 'gs://outputs/{taskId}/{taskId}-{round}-{attempt}/';
    expect(() => parseValues({ rounds: [round({ outputPath })] })).not.toThrow();
    expect(
      issuesOf({ rounds: [round({ outputPath: 'gs://uploads/tasksJobs/{taskId}-{round}-{attempt}' })] })[0],
    ).toContain('a loop');
    expect(issuesOf({ rounds: [round({ outputPath: 'gs://outputs/{taskId}/{round}{attempt' })] }).join()).toContain(
      'braces',
    );
  });

  test('of one attempt need no {attempt}', () => {
    expect(() =>
      parseValues({ rounds: [round({ maxAttempts: 1, outputPath: 'gs://outputs/{taskId}/{round}' })] }),
    ).not.toThrow();
  });

  test('require Jobs that are kept for a day', () => {
    expect(issuesOf({ rounds: [round()], aggregator: { ttlSecondsAfterFinished: 86_399 } })[0]).toContain(
      'aggregator.ttlSecondsAfterFinished',
    );
    expect(() => parseValues({ rounds: [round()], aggregator: { ttlSecondsAfterFinished: 86_400 } })).not.toThrow();
    expect(() => parseValues({ aggregator: { ttlSecondsAfterFinished: 60 } })).not.toThrow();
  });

  test('report all contradictions at once, together with other faults', () => {
    const issues = issuesOf({
      rounds: [
        round({ minReports: 11, maxReports: 9, outputPath: 'gs://uploads/tasksJobs/{taskId}', lateUpdates: 'keep' }),
        round({ uploads: 'gs://uploads/tasksJobs/{taskId}/{jobId}', unknown: 1 }),
      ],
      lists: [list({ object: 'gs://uploads/tasksJobs/{taskId}/list.zip' })],
      aggregator: { ttlSecondsAfterFinished: 60, tag: 1 },
    });
    const paths = issues.map((issue) => issue.slice(0, issue.indexOf(' ')));
    expect(paths.toSorted()).toEqual(
      [
        'aggregator.tag',
        'aggregator.ttlSecondsAfterFinished',
        'lists[0].object',
        'lists[0].object',
        'rounds[0].lateUpdates',
        'rounds[0].maxReports',
        'rounds[0].minReports',
        'rounds[0].outputPath',
        'rounds[0].outputPath',
        'rounds[0].outputPath',
        'rounds[0].outputPath',
        'rounds[0].outputPath',
        'rounds[1].taskIdPrefix',
        'rounds[1].unknown',
        'rounds[1].uploads',
      ].toSorted(),
    );
  });
});

describe('lists', () => {
  test.each<[string, JsonObject, string]>([
    ['an output that the object’s task does not reach', { outputPath: 'gs://jobs/final' }, 'has no {taskId}'],
    ['a placeholder of rounds', { outputPath: 'gs://jobs/{taskId}/{round}' }, '{round}'],
    ['a job in the object', { object: 'gs://jobs/{taskId}/{jobId}.txt' }, '{jobId}'],
    ['a task that the object does not name', { object: 'gs://jobs/list.txt' }, '{taskId}'],
    ['a loop', { object: 'gs://jobs/{taskId}/final-aggregate/list.txt' }, 'a loop'],
  ])('with %s are rejected', (_what, fields, words) => {
    expect(issuesOf({ lists: [list(fields)] }).join('\n')).toContain(words);
  });

  test('may have no task', () => {
    expect(() =>
      parseValues({ lists: [list({ object: 'gs://jobs/list.txt', outputPath: 'gs://jobs/final' })] }),
    ).not.toThrow();
  });
});

describe('several patterns', () => {
  test.each([
    ['of different buckets', 'gs://others/tasksJobs/{taskId}/{jobId}.zip', true],
    ['of different folders', 'gs://uploads/other/{taskId}/{jobId}.zip', true],
    ['of different endings', 'gs://uploads/tasksJobs/{taskId}/{jobId}.txt', true],
    ['of different depth', 'gs://uploads/tasksJobs/x/{taskId}/{jobId}.zip', true],
    ['that are equal', 'gs://uploads/tasksJobs/{taskId}/{jobId}.zip', false],
    ['where one holds the other', 'gs://uploads/tasksJobs/{taskId}/{jobId}', false],
    ['where one is the other with a prefix', 'gs://uploads/tasksJobs/{taskId}/a-{jobId}.zip', false],
  ])('%s: accepted %s', (_what, uploads, accepted) => {
    const document = {
      rounds: [
        round(),
        round({ uploads, taskIdPrefix: 'b-', outputPath: 'gs://outputs/b/{taskId}/{round}/{attempt}' }),
      ],
    };
    const outcome = ((): boolean => {
      try {
        return parseValues(document).rounds.length === 2;
      } catch {
        return issuesOf(document).some((issue) => !issue.startsWith('rounds[1].uploads overlaps rounds[0].uploads'));
      }
    })();
    expect(outcome).toBe(accepted);
  });

  test('two rounds do not write one directory', () => {
    const uploads = 'gs://others/{taskId}/{jobId}.zip';
    expect(issuesOf({ rounds: [round(), round({ uploads, taskIdPrefix: 'b-' })] })[0]).toContain(
      'the same directory as rounds[0].outputPath',
    );
  });

  test('an aggregation’s own output does not feed a pattern', () => {
    const document = { rounds: [round()], aggregator: { outputPath: 'gs://uploads/tasksJobs/{date}-{time}' } };
    expect(issuesOf(document)[0]).toContain('aggregator.outputPath could contain objects that match rounds[0].uploads');
  });
});
