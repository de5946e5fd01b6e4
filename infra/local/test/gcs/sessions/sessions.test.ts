import { describe, expect, test } from 'vitest';
import { startApi } from '../api.ts';
import { readSessions } from './exchange.ts';
import { replay } from './replay.ts';

const sessions = readSessions();

test('there are sessions of both command-line clients', () => {
  expect(sessions.map(({ name }) => name.split('-')[0])).toEqual(['curl', 'gcloud']);
});

// None of the clients is needed: what each asked was recorded, with the answers on which it went on (record.ts).
describe('the embedded Cloud Storage answers recorded clients so that they go on', () => {
  test.for(sessions)('$name', async (session) => {
    const api = await startApi();
    expect(await replay(api.url, session)).toEqual([]);
  });
});
