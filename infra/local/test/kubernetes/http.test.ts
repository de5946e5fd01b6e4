import { createServer as createHttpsServer } from 'node:https';
import type { RequestListener } from 'node:http';
import { generate } from 'selfsigned';
import { describe, expect, onTestFinished, test } from 'vitest';
import { at, configMap, configMaps, createCaller, job, jobs, mergePatch, pods, startApi, textAt } from './api.ts';
import type { Call } from './api.ts';

async function certificate(): Promise<{ key: string; cert: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }]);
  return { key, cert };
}

describe('who is let in', () => {
  test('is whoever has one of the tokens, which may change', async () => {
    const tokens = new Set(['good']);
    const { call } = await startApi({ tokens: () => tokens });
    function as(token: string): Promise<number> {
      return call('GET', configMaps, undefined, { authorization: `Bearer ${token}` }).then(({ code }) => code);
    }
    expect(await call('GET', configMaps)).toMatchObject({
      code: 401,
      body: { kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized' },
    });
    expect(await as('bad')).toBe(401);
    expect(await as('good')).toBe(200);
    tokens.delete('good');
    expect(await as('good')).toBe(401);
  });

  test('is asked over TLS when there is a certificate', async () => {
    const { server, call } = await startApi({ tls: await certificate() });
    expect(server.url).toMatch(/^https:/);
    expect((await call('GET', '/version')).body).toMatchObject({ major: '1', minor: '32', gitVersion: 'v1.32.0' });
  });
});

describe('what is not supported is answered 501 and named', () => {
  test.for([
    ['GET', `${configMaps}?sortBy=name`, undefined, 'the query parameter sortBy for list'],
    ['POST', `${pods}/p/eviction`, {}, 'the subresource pods/eviction'],
    ['GET', `${pods}/p/exec`, undefined, 'the subresource pods/exec'],
    ['GET', '/api/v1/watch/pods', undefined, 'the deprecated watch paths'],
    ['GET', '/openapi/v2', undefined, 'OpenAPI v2'],
    ['POST', jobs, job('j', { manualSelector: true }), 'Jobs with manualSelector'],
    ['POST', jobs, job('j', { backoffLimitPerIndex: 1 }), 'spec.backoffLimitPerIndex of Jobs'],
    [
      'POST',
      '/api/v1/namespaces/default/services',
      { metadata: { name: 's' }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } },
      'Services of type LoadBalancer',
    ],
  ] as const)('%s %s', async ([method, path, body, what]) => {
    const { call } = await startApi();
    const answer = await call(method, path, body);
    expect(answer).toMatchObject({ code: 501, body: { kind: 'Status', reason: 'NotImplemented' } });
    expect(textAt(answer.body, 'message')).toContain(`does not support ${what}`);
  });

  test('a field of a protobuf body that the table does not have', async () => {
    const { call } = await startApi();
    // k8s\0, then Unknown { 1: TypeMeta { v1, ConfigMap }, 2: an object whose field 63 is set }
    const typeMeta = Buffer.concat([
      Buffer.from([0x0a, 2]),
      Buffer.from('v1'),
      Buffer.from([0x12, 9]),
      Buffer.from('ConfigMap'),
    ]);
    const object = Buffer.from([0xfa, 0x03, 1, 0x61]);
    const body = Buffer.concat([
      Buffer.from('k8s\0'),
      Buffer.from([0x0a, typeMeta.length]),
      typeMeta,
      Buffer.from([0x12, object.length]),
      object,
    ]);
    const answer = await call('POST', configMaps, body, {
      'content-type': 'application/vnd.kubernetes.protobuf',
    });
    expect(answer.code).toBe(501);
  });
});

describe('requests at the edge', () => {
  test('a body of more than 3 MB is 413', async () => {
    const { call } = await startApi();
    expect((await call('POST', configMaps, 'x'.repeat(3 * 1024 * 1024 + 1))).code).toBe(413);
  });

  test('YAML is answered where it is asked for', async () => {
    const { call } = await startApi();
    await call('POST', configMaps, configMap('y'));
    const answer = await call('GET', `${configMaps}/y`, undefined, { accept: 'application/yaml' });
    expect(answer.text).toMatch(/^kind: ConfigMap\napiVersion: v1\nmetadata:\n {2}name: y/);
  });

  test('the API description is not sent again to who has it', async () => {
    const { server } = await startApi();
    const first = await fetch(`${server.url}/openapi/v3`);
    const etag = first.headers.get('etag') ?? '';
    expect(await first.json()).toHaveProperty(['paths', 'apis/batch/v1', 'serverRelativeURL']);
    expect((await fetch(`${server.url}/openapi/v3`, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  test('discovery is given in both forms', async () => {
    const { call } = await startApi();
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    expect((await call('GET', '/apis', undefined, { accept })).body).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
    });
    expect((await call('GET', '/apis')).body).toMatchObject({ kind: 'APIGroupList' });
    expect((await call('GET', '/apis/batch/v1')).body).toMatchObject({
      kind: 'APIResourceList',
      groupVersion: 'batch/v1',
    });
  });

  test('a key that is called __proto__ is a key', async () => {
    const { call } = await startApi();
    const path = '/api/v1/namespaces/default/secrets';
    await call('POST', path, '{"metadata":{"name":"p"},"stringData":{"__proto__":"x"},"data":{"constructor":"eA=="}}');
    expect((await call('GET', `${path}/p`)).text).toContain('"data":{"constructor":"eA==","__proto__":"eA=="}');
  });
});

describe('logs', () => {
  async function listen(listener: RequestListener): Promise<number> {
    const server = createHttpsServer(await certificate(), listener);
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** A pod on a node whose kubelet is `listener`. */
  async function startPod(listener: RequestListener): Promise<Call> {
    const { call } = await startApi();
    const port = await listen(listener);
    const status = {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    };
    await call('POST', '/api/v1/nodes', { metadata: { name: 'n' }, status });
    await call('POST', pods, {
      metadata: { name: 'p' },
      spec: {
        nodeName: 'n',
        containers: [
          { name: 'a', image: 'i' },
          { name: 'b', image: 'i' },
        ],
      },
    });
    return call;
  }

  test('come from the kubelet of the node, with what was asked of it', async () => {
    const asked: string[] = [];
    const call = await startPod((request, response) => {
      asked.push(request.url ?? '');
      response.end('a line\n');
    });
    const answer = await call('GET', `${pods}/p/log?container=b&tailLines=3&timestamps=true&follow=false`);
    expect(answer).toMatchObject({ code: 200, text: 'a line\n' });
    const [path, query] = asked[0]?.split('?') ?? [];
    expect(path).toBe('/containerLogs/default/p/b');
    expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
      follow: 'false',
      tailLines: '3',
      timestamps: 'true',
    });
  });

  test.for([
    [404, 404, 'NotFound'],
    [400, 400, 'BadRequest'],
    [500, 500, undefined],
  ] as const)('that the kubelet answers %s are answered %s', async ([theirs, code, reason]) => {
    const call = await startPod((_, response) =>
      response.writeHead(theirs).end('previous terminated container not found'),
    );
    const answer = await call('GET', `${pods}/p/log?container=a`);
    expect(answer.code).toBe(code);
    expect(at(answer.body, 'reason')).toBe(reason);
    expect(textAt(answer.body, 'message')).toContain('previous terminated container not found');
  });

  test('of a pod with several containers need a name', async () => {
    const call = await startPod((_, response) => void response.end());
    expect((await call('GET', `${pods}/p/log`)).body).toMatchObject({
      code: 400,
      message: 'a container name must be specified for pod p, choose one of: [a b]',
    });
  });

  test('of a kubelet that is not there say so', async () => {
    const { call } = await startApi();
    const status = {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
    };
    await call('POST', '/api/v1/nodes', { metadata: { name: 'n' }, status });
    await call('POST', pods, {
      metadata: { name: 'p' },
      spec: { nodeName: 'n', containers: [{ name: 'a', image: 'i' }] },
    });
    const answer = await call('GET', `${pods}/p/log`);
    expect(answer.code).toBe(500);
    expect(textAt(answer.body, 'message')).toContain('ECONNREFUSED');
  });
});

describe('many at once', () => {
  test('fifty creates of one name: one succeeds, the others get AlreadyExists', async () => {
    const { server, call } = await startApi();
    const callers = Array.from({ length: 5 }, () => createCaller(server.url));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (callers[index % 5] ?? call)('POST', jobs, job('same'))),
    );
    const codes = answers.map(({ code }) => code);
    expect(codes.filter((code) => code === 201)).toHaveLength(1);
    expect(codes.filter((code) => code === 409)).toHaveLength(49);
  });

  test('writers that name the version they saw never lose a write', async () => {
    const { call } = await startApi();
    await call('POST', configMaps, { metadata: { name: 'count' }, data: { n: '0' } });
    async function increment(): Promise<void> {
      for (;;) {
        const seen = (await call('GET', `${configMaps}/count`)).body;
        const next = {
          metadata: { resourceVersion: textAt(seen, 'metadata.resourceVersion') },
          data: { n: `${Number(textAt(seen, 'data.n')) + 1}` },
        };
        if ((await call('PATCH', `${configMaps}/count`, next, mergePatch)).code === 200) return;
      }
    }
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(textAt((await call('GET', `${configMaps}/count`)).body, 'data.n')).toBe('20');
  });
});
