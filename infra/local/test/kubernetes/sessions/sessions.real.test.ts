import { expect, test } from 'vitest';
import { describeReal } from '../../../../../test/real/describe-real.ts';
import { readSessions } from './exchange.ts';
import { playSession } from './suite.ts';

// A user is asked for although none is needed: a cluster of one's own is no place for the node of the sessions.
describeReal(
  'the recorded answers to kubectl are those of a real API server',
  (real) => {
    test.for(readSessions())('$name', async (session) => {
      const { server, access } = real();
      const [token, { caPem }] = await Promise.all([access.token(), access.endpoint()]);
      const target = {
        server,
        speaksProtobuf: true,
        ...(token !== undefined && { token }),
        ...(caPem !== undefined && { ca: caPem }),
      };
      expect(await playSession(target, session)).toEqual([]);
    });
  },
  { users: ['nobody'] },
);
