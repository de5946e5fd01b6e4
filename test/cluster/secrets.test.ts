import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import { AppError } from '../../src/errors.ts';
import { type Handler, startScripted } from './scripted-server.ts';
import { createStubAccess } from './stub-access.ts';

/** Long enough not to occur in a message by chance. */
const secretValue = fc.stringMatching(/^[A-Za-z0-9+/]{12,40}$/).map((text) => `s3cr3t${text}`);

/** Responses that contain a Secret: complete, truncated, with another type, as an error, in a Status. */
const answers = (value: string): fc.Arbitrary<{ status: number; type: string; body: string }> => {
  const encoded = Buffer.from(value).toString('base64');
  const secret = JSON.stringify({
    kind: 'Secret',
    metadata: { name: 's' },
    data: { key: encoded },
    stringData: { key: value },
  });
  const status = JSON.stringify({
    kind: 'Status',
    message: secret,
    reason: secret,
    details: { causes: [{ message: value }] },
  });
  return fc.record({
    status: fc.constantFrom(200, 201, 400, 401, 403, 409, 418, 422, 429, 500, 503),
    type: fc.constantFrom('application/json', 'text/plain', 'text/html', ''),
    body: fc.oneof(
      fc.constant(secret),
      fc.constant(status),
      fc.constant(value),
      fc.nat(secret.length).map((length) => secret.slice(0, length)),
      fc.nat(secret.length).map((length) => `${secret.slice(0, length)}\u0000${secret.slice(length)}`),
      fc.constant(JSON.stringify({ data: value })),
      fc.constant(JSON.stringify({ data: [value, encoded] })),
    ),
  });
};

test('a value of a Secret is in no result, message, detail or cause, whatever the API server sends', async () => {
  let answer: Handler = () => undefined;
  const server = await startScripted((request, response, count) => answer(request, response, count));
  const cluster = createCluster(createStubAccess([{ server: server.url }]), { maxRequests: 1, deadlineMs: 5_000 });
  await fc.assert(
    fc.asyncProperty(
      secretValue.chain((value) => fc.tuple(fc.constant(value), answers(value))),
      async ([value, { status, type, body }]) => {
        answer = (_request, response) =>
          void response.writeHead(status, type === '' ? {} : { 'content-type': type }).end(body);
        const outcome: unknown = await cluster.secretKeys('ns', 's').catch((error: unknown) => error);
        expect(outcome === null || Array.isArray(outcome) || outcome instanceof AppError).toBe(true);
        const shown = `${inspect(outcome, { depth: 20, showHidden: true })} ${JSON.stringify(outcome)} ${outcome instanceof Error ? outcome.stack : ''}`;
        expect(shown).not.toContain(value);
        expect(shown).not.toContain(Buffer.from(value).toString('base64').slice(0, 16));
      },
    ),
    { numRuns: 300 },
  );
});
