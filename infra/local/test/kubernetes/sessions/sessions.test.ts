import { describe, expect, onTestFinished, test } from 'vitest';
import { startKubernetes } from '../../../kubernetes/server.ts';
import { readSessions } from './exchange.ts';
import { playSession } from './suite.ts';

const sessions = readSessions();

test('there are sessions of the three minor versions that are promised', () => {
  expect(sessions.map(({ name }) => name)).toEqual(['kubectl-1.31', 'kubectl-1.32', 'kubectl-1.33']);
});

// No kubectl is needed: what it asked was recorded, and what a real API server answered (record.ts).
describe('the embedded API answers a recorded kubectl as a real API server did', () => {
  test.for(sessions)('$name', async (session) => {
    const kubernetes = await startKubernetes();
    onTestFinished(() => kubernetes.close());
    expect(await playSession({ server: kubernetes.url }, session)).toEqual([]);
  });
});
