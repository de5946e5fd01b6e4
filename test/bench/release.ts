import { z } from 'zod';
import { expectStatus } from './client.ts';
import type { MeasuredFunction } from './measured-function.ts';
import type { Cell, Table } from './report.ts';
import { count, ms, ratio } from './report.ts';
import type { Section } from './section.ts';
import { sizeOf } from './section.ts';
import { median, quantile } from './stats.ts';
import { NAMESPACE, startWorld } from './world.ts';
import type { World } from './world.ts';

// Without replicas nothing has to start: what is left is the release's own work and the calls that it makes.
const component = (repository: string, tag: string, port: number) => ({
  release: true,
  deployment: { replicas: 0, repository, tag, backend: 'memory', authTokensFile: '/etc/tokens/AuthTokens.txt' },
  service: { type: 'ClusterIP', grpcPort: port, restPort: port + 1, hostname: 'models.example.com' },
});

const valuesOf = (tag: string): string =>
  JSON.stringify({
    namespace: NAMESPACE,
    repository: component('docai/tensorio-models', tag, 7316),
    flea: component('docai/flea', tag, 7318),
  });

const ObjectsSchema = z.looseObject({ objects: z.array(z.looseObject({ kind: z.string(), name: z.string() })) });

interface Timed {
  readonly times: readonly number[];
  readonly text: string;
}

const post = async (world: World, fn: MeasuredFunction, query: string, tags: readonly string[]): Promise<Timed> => {
  const times: number[] = [];
  let text = '';
  for (const tag of tags) {
    const startedAt = performance.now();
    const sent = world.client.send('POST', `${fn.url}/bench${query}`, valuesOf(tag));
    text = expectStatus(await sent, [200, 201], `POST /bench${query}`).text;
    times.push(performance.now() - startedAt);
  }
  return { times, text };
};

const measured = async (
  world: World,
  fn: MeasuredFunction,
  query: string,
  tags: readonly string[],
): Promise<Timed & { calls: number }> => {
  await fn.forget();
  const timed = await post(world, fn, query, tags);
  return { ...timed, calls: median(await fn.upstreamCalls(tags.length)) };
};

const PATHS: Readonly<Record<string, string>> = {
  Service: `/api/v1/namespaces/${NAMESPACE}/services`,
  Deployment: `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`,
};

/** The bare applies of the same objects, each with another annotation: what no release can do without. */
const bareApplies = async ({ api }: World, text: string, times: number): Promise<number[]> => {
  const { objects } = ObjectsSchema.parse(JSON.parse(text));
  const found: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const startedAt = performance.now();
    for (const { kind, name } of objects) {
      const url = `${api.url}${PATHS[kind]}/${name}?fieldManager=bench&force=true`;
      const apiVersion = kind === 'Service' ? 'v1' : 'apps/v1';
      const body = JSON.stringify({ apiVersion, kind, metadata: { name, annotations: { turn: String(turn) } } });
      const sent = api.client.send('PATCH', url, body, { 'content-type': 'application/apply-patch+yaml' });
      expectStatus(await sent, [200], `The apply of ${kind} ${name}`);
    }
    found.push(performance.now() - startedAt);
  }
  return found;
};

const row = (
  name: string,
  { times, calls }: { times: readonly number[]; calls: Cell },
  bareMs: number,
): Table['rows'][number] => [name, ms(median(times)), ms(quantile(times, 0.99)), calls, ratio(median(times) / bareMs)];

export const release: Section = {
  name: 'release',
  title: 'A release of two services',
  about:
    'POST /<release> of repository and flea with no replicas (nothing has to start), one call after the other: rendered only, dry run by the API server, unchanged, and deployed with another tag each time; beside the four bare applies of the same objects. Function, embedded bucket and Kubernetes API each in a process of its own.',
  run: async (bench) => {
    const times = sizeOf(bench, { quick: 5, normal: 30 });
    const world = await startWorld(bench.scope);
    const fn = await world.startFunction('deploy');
    const tags = Array.from({ length: times }, (_, index) => `1.${index}`);
    const same = tags.map(() => '1.0');
    const first = await post(world, fn, '', ['1.0']);
    const rendered = await measured(world, fn, '?dryRun=client', same);
    const dry = await measured(world, fn, '?dryRun=server', same);
    const unchanged = await measured(world, fn, '', same);
    const deployed = await measured(world, fn, '', tags.slice(1));
    const bare = await bareApplies(world, first.text, times);
    const bareMs = median(bare);
    bench.add({
      columns: ['two services', 'p50', 'p99', 'upstream calls', 'to the bare applies'],
      rows: [
        row('rendered (dryRun=client)', { ...rendered, calls: count(rendered.calls) }, bareMs),
        row('dry run (dryRun=server)', { ...dry, calls: count(dry.calls) }, bareMs),
        row('unchanged', { ...unchanged, calls: count(unchanged.calls) }, bareMs),
        row('deployed', { ...deployed, calls: count(deployed.calls) }, bareMs),
        row('the four bare applies', { times: bare, calls: count(4) }, bareMs),
      ],
    });
  },
};
