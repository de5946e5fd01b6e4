import { afterEach, describe, expect, test, vi } from 'vitest';
import { createWorld, newName, script } from './pod-world.ts';
import type { Target } from './pod-world.ts';

/** What a pod's processes get, and what is written of them. */
export function describeRuns(target: () => Target): void {
  afterEach(() => vi.unstubAllEnvs());

  test('a pod that exits 0 is Succeeded, with the status a kubelet writes', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({ containers: [script(`console.log('hello')`)] });
    const { spec, status } = await world.phase(name, 'Succeeded');
    expect(spec.nodeName).toBe('local');
    expect(status).toMatchObject({
      hostIP: '127.0.0.1',
      podIP: '127.0.0.1',
      startTime: expect.stringMatching(/^[\dT:-]+Z$/),
    });
    const conditions = Object.fromEntries(
      (status?.conditions ?? []).map((item) => [item.type, `${item.status} ${item.reason ?? ''}`]),
    );
    expect(conditions).toMatchObject({
      PodScheduled: 'True ',
      Initialized: 'True PodCompleted',
      Ready: 'False PodCompleted',
      ContainersReady: 'False PodCompleted',
    });
    expect(status?.containerStatuses).toMatchObject([
      {
        name: 'main',
        image: 'node',
        imageID: expect.stringContaining('process://node@sha256:'),
        ready: false,
        started: false,
        restartCount: 0,
        lastState: {},
        state: {
          terminated: {
            exitCode: 0,
            reason: 'Completed',
            startedAt: expect.any(String),
            finishedAt: expect.any(String),
          },
        },
      },
    ]);
    await vi.waitFor(async () => {
      const reasons = (await world.events(name)).map(({ reason }) => reason);
      expect(new Set(reasons)).toEqual(new Set(['Scheduled', 'Pulled', 'Created', 'Started']));
    });
  });

  test('while it runs, it is Running and ready', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({ containers: [script('setInterval(() => {}, 1000)')] });
    const { status } = await world.phase(name, 'Running');
    expect(status?.containerStatuses).toMatchObject([
      { ready: true, started: true, state: { running: { startedAt: expect.any(String) } } },
    ]);
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
  });

  test('the process has the environment of its container and nothing of ours', async () => {
    vi.stubEnv('SECRET_OF_OURS', 'x');
    const world = createWorld(target());
    const [secret, configMap] = [newName('s'), newName('c')];
    await world.create('secrets', { metadata: { name: secret }, data: { key: base64('from-secret') } });
    await world.create('configmaps', { metadata: { name: configMap }, data: { key: 'from-map', other: 'all' } });
    await world.kubelet();
    const env = [
      { name: 'PLAIN', value: 'a$(UNKNOWN)$$(PLAIN)' },
      { name: 'LATER', value: '$(PLAIN)/$(S)' },
      { name: 'S', valueFrom: { secretKeyRef: { name: secret, key: 'key' } } },
      { name: 'C', valueFrom: { configMapKeyRef: { name: configMap, key: 'key' } } },
      { name: 'NONE', valueFrom: { secretKeyRef: { name: 'nowhere', key: 'key', optional: true } } },
      { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: `metadata.labels['a/b']` } } },
      { name: 'BOTH', value: '$(S)-$(C)' },
    ];
    const envFrom = [
      { prefix: 'P_', configMapRef: { name: configMap } },
      { secretRef: { name: 'nowhere', optional: true } },
    ];
    const container = script('console.log(JSON.stringify([process.env, process.argv[1]]))', { env, envFrom });
    const name = await world.createPod(
      { containers: [{ ...container, args: [...container.args, '$(BOTH)'] }] },
      { labels: { 'a/b': 'label' } },
    );
    const { metadata } = await world.phase(name, 'Succeeded');
    const [seen, argument] = JSON.parse(await world.log(name)) as [Record<string, string>, string];
    const { PATH, HOME, TERMINATION_LOG, ...own } = seen;
    expect([PATH, HOME, TERMINATION_LOG].every((value) => value !== undefined && value !== '')).toBe(true);
    expect(argument).toBe('from-secret-from-map');
    expect(own).toEqual({
      PLAIN: 'a$(UNKNOWN)$(PLAIN)',
      LATER: 'a$(UNKNOWN)$(PLAIN)/$(S)',
      S: 'from-secret',
      C: 'from-map',
      POD: name,
      NAMESPACE: world.namespace,
      UID: metadata.uid,
      LABEL: 'label',
      BOTH: 'from-secret-from-map',
      P_key: 'from-map',
      P_other: 'all',
    });
  });

  test('volumes are folders, and what begins with their mountPath is where they are', async () => {
    const world = createWorld(target());
    const secret = newName('s');
    await world.create('secrets', {
      metadata: { name: secret },
      data: { 'sacred.json': base64('{"k":1}'), other: base64('no') },
    });
    await world.create('configmaps', {
      metadata: { name: secret },
      data: { conf: 'c' },
      binaryData: { bin: base64('\u0001') },
    });
    await world.kubelet();
    const volumes = [
      {
        name: 'sacred',
        secret: { secretName: secret, items: [{ key: 'sacred.json', path: 'sub/s.json', mode: 0o400 }] },
      },
      { name: 'scratch', emptyDir: {} },
      { name: 'conf', configMap: { name: secret } },
      {
        name: 'all',
        projected: {
          sources: [
            { configMap: { name: secret } },
            { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
          ],
        },
      },
      { name: 'none', secret: { secretName: 'nowhere', optional: true } },
    ];
    const volumeMounts = [
      { name: 'sacred', mountPath: '/var/secrets' },
      { name: 'scratch', mountPath: '/scratch/' },
      { name: 'conf', mountPath: '/etc/conf.txt', subPath: 'conf' },
      { name: 'all', mountPath: '/all' },
      { name: 'none', mountPath: '/none' },
    ];
    const env = [
      { name: 'KEY', value: '/var/secrets/sub/s.json' },
      { name: 'CONF', value: '/etc/conf.txt' },
      { name: 'ALL', value: '/all' },
      { name: 'NOT', value: '/var/secretsx' },
    ];
    const text = `const fs = require('fs'); const read = (p) => fs.readFileSync(p, 'utf8'); const e = process.env;
      fs.writeFileSync(process.argv[1] + '/x', 'w');
      console.log(JSON.stringify([read(e.KEY), fs.statSync(e.KEY).mode & 0o777, fs.readdirSync(require('path').dirname(e.KEY)), read(e.CONF),
        fs.readdirSync(e.ALL), read(e.ALL + '/name'), process.argv[2], e.NOT]))`;
    const name = await world.createPod({
      volumes,
      containers: [script(text, { args: [text, '/scratch', '--dir=/all/bin'], env, volumeMounts })],
    });
    await world.phase(name, 'Succeeded');
    const seen: unknown = JSON.parse(await world.log(name));
    expect(seen).toEqual([
      '{"k":1}',
      0o400,
      ['s.json'],
      'c',
      ['bin', 'conf', 'name'],
      name,
      expect.stringMatching(/^--dir=\/.+\/all\/bin$/),
      '/var/secretsx',
    ]);
  });

  test('init containers run one after the other, before the rest', async () => {
    const world = createWorld(target());
    await world.kubelet();
    function add(word: string): object {
      return {
        ...script(`require('fs').appendFileSync(process.argv[1], '${word} ')`, {
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
        args: [`require('fs').appendFileSync(process.argv[1], '${word} ')`, '/v/words'],
        name: word,
      };
    }
    const main = script(`console.log(require('fs').readFileSync(process.env.WORDS, 'utf8'))`, {
      env: [{ name: 'WORDS', value: '/v/words' }],
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    });
    const name = await world.createPod({
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [add('one'), add('two')],
      containers: [main],
    });
    const { status } = await world.phase(name, 'Succeeded');
    expect(await world.log(name, '?container=main')).toBe('one two \n');
    expect(status?.initContainerStatuses?.map(({ state }) => state?.terminated?.reason)).toEqual([
      'Completed',
      'Completed',
    ]);
  });

  test('a Job is complete when its pod is', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = newName('job');
    const template = { spec: { restartPolicy: 'Never', containers: [script('')] } };
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template } };
    const path = `/apis/batch/v1/namespaces/${world.namespace}/jobs`;
    await world.api.post(path, job);
    await vi.waitFor(
      async () =>
        expect(await world.api.get(`${path}/${name}`)).toMatchObject({
          status: { succeeded: 1, completionTime: expect.any(String) },
        }),
      { timeout: 60_000, interval: 50 },
    );
  });

  describe('the image map', () => {
    test.each([
      ['the program and its default arguments', { image: 'example.com/fixed:7' }, 'own,default\n'],
      [
        'any command where that is allowed',
        { image: 'any-command', command: [process.execPath, '-e'], args: ['console.log(1)'] },
        '1\n',
      ],
    ])('runs %s', async (_, container, output) => {
      const world = createWorld(target());
      await world.kubelet();
      const name = await world.createPod({ containers: [{ name: 'main', ...container }] });
      await world.phase(name, 'Succeeded');
      expect(await world.log(name)).toBe(output);
    });
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
