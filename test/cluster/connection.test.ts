import { HttpMethod, RequestContext } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { createConnection, PLACEHOLDER_SERVER } from '../../src/cluster/connection.ts';
import { metered } from '../../src/log.ts';
import { newCertificate } from './certificates.ts';
import { answerJson, answerStatus, startScripted } from './scripted-server.ts';
import { createStubAccess } from './stub-access.ts';

const get = (path = '/version', method: HttpMethod = HttpMethod.GET): RequestContext =>
  new RequestContext(`${PLACEHOLDER_SERVER}${path}`, method);

describe('a connection', () => {
  test('serves many requests in sequence, and each is counted', async () => {
    const server = await startScripted((_request, response) => answerJson(response, 200, {}));
    const send = createConnection(createStubAccess([{ server: server.url }]));
    const calls = await metered(async (meter) => {
      for (let index = 0; index < 20; index += 1) await send(get());
      return meter.upstreamCalls;
    });
    expect(server.requests).toHaveLength(20);
    // Two: the second request may come before the first one's connection is free again.
    expect(server.connections()).toBeLessThanOrEqual(2);
    expect(calls).toBe(20);
  });

  test('is not used again after a long pause, in which the server may have closed it', async () => {
    const server = await startScripted((_request, response) => answerJson(response, 200, {}));
    let now = 1_000_000;
    const send = createConnection(createStubAccess([{ server: server.url }]), () => now);
    await send(get());
    await send(get());
    await send(get());
    const before = server.connections();
    now += 29_000;
    await send(get());
    expect(server.connections()).toBe(before);
    now += 31_000;
    await send(get());
    expect(server.connections()).toBe(before + 1);
  });

  test('puts the path of a gateway before that of the request, and keeps the query', async () => {
    const server = await startScripted((_request, response) => answerJson(response, 200, {}));
    const send = createConnection(createStubAccess([{ server: `${server.url}/v1/projects/1/gkeMemberships/m` }]));
    const context = get('/apis/batch/v1/namespaces/ns/jobs');
    context.setQueryParam('labelSelector', 'a in (b,c)');
    await send(context);
    expect(server.requests[0]?.url).toBe(
      '/v1/projects/1/gkeMemberships/m/apis/batch/v1/namespaces/ns/jobs?labelSelector=a+in+%28b%2Cc%29',
    );
  });

  test('sends the body of a DELETE', async () => {
    const server = await startScripted((_request, response) => answerJson(response, 200, {}));
    const send = createConnection(createStubAccess([{ server: server.url }]));
    const context = get('/x', HttpMethod.DELETE);
    context.setBody('{"propagationPolicy":"Background"}');
    await send(context);
    expect(server.requests[0]).toMatchObject({ method: 'DELETE', body: '{"propagationPolicy":"Background"}' });
  });
});

describe('credentials', () => {
  test('every request gets a token', async () => {
    const server = await startScripted((_request, response) => answerJson(response, 200, {}));
    const access = createStubAccess([{ server: server.url }]);
    const send = createConnection(access);
    await send(get());
    await send(get());
    expect(access.asked.filter((each) => each === 'token')).toHaveLength(2);
    expect(server.requests[0]?.headers.authorization).toBe('Bearer token-1');
  });

  test('a rejected token is refreshed once, and the request is sent again once', async () => {
    const server = await startScripted(({ headers }, response) =>
      headers.authorization === 'Bearer token-2'
        ? answerJson(response, 201, {})
        : answerStatus(response, 401, 'Unauthorized', 'Unauthorized'),
    );
    const access = createStubAccess([{ server: server.url }], { cached: 'token-1', fresh: 'token-2' });
    const context = get('/jobs', HttpMethod.POST);
    context.setBody('{}');
    expect((await createConnection(access)(context)).httpStatusCode).toBe(201);
    expect(server.requests.map(({ body }) => body)).toEqual(['{}', '{}']);
    expect(access.asked).toEqual(['endpoint', 'token', 'refresh']);
  });

  test('a second 401 is returned', async () => {
    const server = await startScripted((_request, response) =>
      answerStatus(response, 401, 'Unauthorized', 'Unauthorized'),
    );
    const send = createConnection(createStubAccess([{ server: server.url }]));
    expect((await send(get())).httpStatusCode).toBe(401);
    expect(server.requests).toHaveLength(2);
  });
});

describe('the address of the cluster', () => {
  test('a cluster with a new address is found again, for a write too', async () => {
    const old = await startScripted((_request, response) => answerJson(response, 200, {}));
    await old.close();
    const server = await startScripted((_request, response) => answerJson(response, 201, {}));
    const access = createStubAccess([{ server: old.url }, { server: server.url }]);
    const context = get('/jobs', HttpMethod.POST);
    context.setBody('{}');
    expect((await createConnection(access)(context)).httpStatusCode).toBe(201);
    expect(server.requests).toHaveLength(1);
    expect(access.asked).toContain('invalidate');
  });

  test('a cluster that is down at the same address gets one request', async () => {
    const old = await startScripted((_request, response) => answerJson(response, 200, {}));
    await old.close();
    const access = createStubAccess([{ server: old.url }]);
    await expect(createConnection(access)(get())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(access.asked).toEqual(['endpoint', 'token', 'invalidate', 'endpoint']);
  });

  test('a rotated CA is looked up again', async () => {
    const [before, after] = await Promise.all([newCertificate(), newCertificate()]);
    const server = await startScripted((_request, response) => answerJson(response, 200, {}), after);
    const access = createStubAccess([
      { server: server.url, caPem: before.cert },
      { server: server.url, caPem: after.cert },
    ]);
    expect((await createConnection(access)(get())).httpStatusCode).toBe(200);
    expect(access.asked).toContain('invalidate');
  });

  test('a server that cannot prove its identity gets no request', async () => {
    const [ours, theirs] = await Promise.all([newCertificate(), newCertificate()]);
    const server = await startScripted((_request, response) => answerJson(response, 200, {}), theirs);
    const send = createConnection(createStubAccess([{ server: server.url, caPem: ours.cert }]));
    await expect(send(get())).rejects.toThrow(/self-signed certificate|unable to verify/);
    expect(server.requests).toHaveLength(0);
  });

  test('without a CA only public authorities are trusted', async () => {
    const server = await startScripted((_request, response) => answerJson(response, 200, {}), await newCertificate());
    await expect(createConnection(createStubAccess([{ server: server.url }]))(get())).rejects.toThrow(/self-signed/);
  });

  test('a client certificate is sent, and no token', async () => {
    const certificate = await newCertificate();
    const server = await startScripted((_request, response) => answerJson(response, 200, {}), certificate);
    const endpoint = {
      server: server.url,
      caPem: certificate.cert,
      clientCertPem: certificate.cert,
      clientKeyPem: certificate.key,
    };
    const access = { ...createStubAccess([endpoint]), token: async () => undefined };
    expect((await createConnection(access)(get())).httpStatusCode).toBe(200);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });
});

describe('the signal of a request', () => {
  test('ends it while the response is awaited', async () => {
    const server = await startScripted(() => undefined);
    const controller = new AbortController();
    const context = get();
    context.setSignal(controller.signal);
    const sent = createConnection(createStubAccess([{ server: server.url }]))(context);
    await expect.poll(() => server.requests.length).toBe(1);
    controller.abort(new Error('enough'));
    await expect(sent).rejects.toThrow('enough');
  });

  test('ends it while the body is received', async () => {
    const server = await startScripted((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{');
    });
    const controller = new AbortController();
    const context = get();
    context.setSignal(controller.signal);
    const sent = createConnection(createStubAccess([{ server: server.url }]))(context);
    await expect.poll(() => server.requests.length).toBe(1);
    controller.abort(new Error('enough'));
    await expect(sent).rejects.toThrow('enough');
  });

  test('ends it while a token or the endpoint is awaited', async () => {
    const never = new Promise<never>(() => undefined);
    const stub = createStubAccess([{ server: 'http://127.0.0.1:9' }]);
    for (const access of [
      { ...stub, token: () => never },
      { ...stub, endpoint: () => never },
    ]) {
      const controller = new AbortController();
      const context = get();
      context.setSignal(controller.signal);
      const sent = createConnection(access)(context);
      controller.abort(new Error('enough'));
      await expect(sent).rejects.toThrow('enough');
    }
  });
});
