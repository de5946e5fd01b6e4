import { expect, test } from 'vitest';
import { InvalidRequestError } from '../../src/errors.ts';
import { parseQuery } from '../../src/functions/query.ts';
import { createClock } from '../helpers/clock.ts';
import { answerSnapshot, createWaits, WAIT_QUERY, waitOf } from '../../src/functions/wait.ts';

function createState(first: unknown) {
  let body = first;
  let reads = 0;
  return {
    set: (next: unknown) => (body = next),
    reads: () => reads,
    read: async () => {
      reads += 1;
      return body;
    },
  };
}

const index = async (clock: ReturnType<typeof createClock>, body: unknown): Promise<string> =>
  (await createWaits(clock).next('k', async () => body, { ms: 0, index: undefined })).etag;

test('without an index the state is the answer at once', async () => {
  const clock = createClock();
  const state = createState({ state: 'running' });
  const snapshot = await createWaits(clock).next('k', state.read, { ms: 30_000, index: undefined });
  expect(snapshot.body).toEqual({ state: 'running' });
  expect(state.reads()).toBe(1);
});

test('with the index of the present state it waits for the next one', async () => {
  const clock = createClock();
  const state = createState({ state: 'running' });
  const known = await index(clock, { state: 'running' });
  const waiting = createWaits(clock).next('k', state.read, { ms: 30_000, index: known });
  await clock.pass(0);
  await clock.pass(2_000);
  state.set({ state: 'complete' });
  await clock.pass(2_000);
  expect((await waiting).body).toEqual({ state: 'complete' });
});

test('when the time is up the present state is the answer, with the same index', async () => {
  const clock = createClock();
  const state = createState({ state: 'running' });
  const known = await index(clock, { state: 'running' });
  const waiting = createWaits(clock).next('k', state.read, { ms: 5_000, index: known });
  for (let passed = 0; passed < 3; passed += 1) await clock.pass(2_000);
  expect((await waiting).etag).toBe(known);
});

test('a hundred waiters of one thing cost one poll each two seconds, beside their own first read', async () => {
  const clock = createClock();
  const state = createState({ state: 'running' });
  const known = await index(clock, { state: 'running' });
  const waits = createWaits(clock);
  const waiters = Array.from({ length: 100 }, () => waits.next('k', state.read, { ms: 10_000, index: known }));
  await clock.pass(0);
  for (let passed = 0; passed < 6; passed += 1) await clock.pass(2_000);
  await Promise.all(waiters);
  expect(state.reads()).toBe(100 + 5);
});

test('a read that fails reaches every waiter, and the next one reads again', async () => {
  const clock = createClock();
  const waits = createWaits(clock);
  const known = await index(clock, 1);
  let isBroken = false;
  const read = async () => {
    if (isBroken) throw new Error('gone');
    return 1;
  };
  const waiters = [1, 2].map(() => waits.next('k', read, { ms: 10_000, index: known }));
  const ends = Promise.allSettled(waiters);
  await clock.pass(0);
  isBroken = true;
  await clock.pass(2_000);
  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isBroken = false;
  expect((await waits.next('k', read, { ms: 0, index: known })).body).toBe(1);
});

test.each([
  ['?wait=30s', {}, 30_000],
  ['?wait=500ms', {}, 500],
  ['?wait=1m', {}, 50_000],
  ['?wait=99999', {}, 50_000],
  ['', { prefer: 'respond-async, wait=20' }, 20_000],
  ['?wait=5s', { prefer: 'wait=20' }, 5_000],
  ['', {}, 0],
])('%s with %o waits for %i ms', (search, headers, ms) => {
  expect(waitOf({ headers }, parseQuery(`/${search}`, WAIT_QUERY), 300_000).ms).toBe(ms);
});

test('a wait ends early enough for the answer to be in time', () => {
  expect(waitOf({ headers: {} }, parseQuery('/?wait=50s', WAIT_QUERY), 30_000).ms).toBe(20_000);
});

test('a wait that is no duration is refused by its name', () => {
  expect(() => waitOf({ headers: {} }, parseQuery('/?wait=soon', WAIT_QUERY), 300_000)).toThrow(InvalidRequestError);
});

test('the preference is acknowledged, and the ETag given', () => {
  const wait = waitOf({ headers: { prefer: 'wait=90' } }, parseQuery('/', WAIT_QUERY), 300_000);
  expect(answerSnapshot({ body: {}, etag: '"a"' }, wait).headers).toEqual({
    ETag: '"a"',
    'Preference-Applied': 'wait=50',
  });
});
