import { expect } from 'vitest';
import type { KubeObject } from '../../../src/cluster/release-port.ts';
import { readHold } from '../../../src/release/lock.ts';
import { mergeValues } from '../../../src/values/merge.ts';
import { itemsOf } from '../../release/api-world.ts';
import type { Records } from '../../release/invariants.ts';
import { expectConsistent, specsOf } from '../../release/invariants.ts';
import { putHelmObjects } from '../../release/helm.ts';
import { exampleDocument } from '../../release/values.ts';
import { tagged } from '../../release/world.ts';
import type { Reply } from './calls.ts';
import { isMarked } from './hold.ts';
import { member } from './json.ts';
import type { Decide, Passing } from './proxy.ts';
import type { DeployedWorld } from './release-world.ts';
import { AGGREGATION } from './release-world.ts';

const V1 = tagged('ok-1', 'ok-1');
const V2 = tagged('ok-2');
const BAD = tagged('bad-name');
const WAIT = 'timeoutSec=120';

type Call = (world: DeployedWorld, release: string) => Promise<Reply>;

const deployOf =
  (over: ReturnType<typeof tagged>, query = WAIT): Call =>
  (world, release) =>
    world.call(
      'POST',
      `/${release}?${query}`,
      mergeValues(exampleDocument('basic'), { ...over, namespace: world.cluster.namespace }),
    );

const outcomeOf = ({ status, body }: Reply): string => {
  const { outcome } = body;
  return typeof outcome === 'string' ? outcome : status === 404 ? 'not-found' : `${status}`;
};

const uninstall: Call = (world, release) => world.call('DELETE', `/${release}`);

/** Services and an aggregation in one document, as a release of both. */
const withAggregation: Call = (world, release) =>
  world.call(
    'POST',
    `/${release}?${WAIT}`,
    mergeValues(exampleDocument('basic'), {
      ...V2,
      namespace: world.cluster.namespace,
      aggregator: {
        release: true,
        repository: 'docai/flea-aggregator',
        tag: 'ok',
        aggregationId: release,
        checkpointsFilePath: AGGREGATION.list,
        outputPath: `${AGGREGATION.outputs}/${release}`,
        aggregationType: 'wcma',
        serviceAccount: AGGREGATION.serviceAccount,
      },
    }),
  );

type Step = (world: DeployedWorld, release: string) => Promise<void>;

const deployed =
  (over: ReturnType<typeof tagged>): Step =>
  async (world, release) => {
    const reply = await deployOf(over)(world, release);
    expect(outcomeOf(reply), `${release}: ${reply.text.slice(0, 500)}`).toBe('deployed');
  };

const madeByHelm: Step = ({ cluster }, release) => putHelmObjects(cluster, release);

/** A call that is killed at each of its writes. */
export interface Walk {
  /** In the names of its releases. */
  readonly name: string;
  readonly what: string;
  readonly before: readonly Step[];
  readonly call: Call;
  /** What is asked after the kill, in the place of the same call. */
  readonly next?: Call;
  /** How the call ends that is asked after the kill; more than one where the killed call may have been all but done. */
  readonly ends: readonly string[];
  /** Jobs that it leaves; none by default. */
  readonly jobs?: number;
}

export const WALKS: readonly Walk[] = [
  { name: 'install', what: 'an install', before: [], call: deployOf(V1), ends: ['deployed', 'unchanged'] },
  {
    name: 'both',
    what: 'an install with an aggregation',
    before: [],
    call: withAggregation,
    ends: ['deployed', 'unchanged'],
    jobs: 1,
  },
  {
    name: 'other',
    what: 'an install, and then other values with a service less,',
    before: [],
    call: deployOf(V1),
    next: deployOf(V2),
    ends: ['deployed'],
  },
  {
    name: 'regret',
    what: 'an install, and then its uninstall,',
    before: [],
    call: deployOf(V1),
    next: uninstall,
    ends: ['uninstalled', 'not-found'],
  },
  {
    name: 'same',
    what: 'a deploy of what runs already',
    before: [deployed(V1)],
    call: deployOf(V1),
    ends: ['unchanged'],
  },
  {
    name: 'upgrade',
    what: 'an upgrade that prunes',
    before: [deployed(V1)],
    call: deployOf(V2),
    ends: ['deployed', 'unchanged'],
  },
  {
    name: 'failing',
    what: 'an upgrade that fails and is rolled back',
    before: [deployed(V1)],
    call: deployOf(BAD),
    ends: ['rolled-back'],
  },
  {
    name: 'broken',
    what: 'an install that fails and is undone',
    before: [],
    call: deployOf(BAD),
    ends: ['rolled-back'],
  },
  {
    name: 'back',
    what: 'a rollback to a revision',
    before: [deployed(V1), deployed(V2)],
    call: (world, release) => world.call('POST', `/${release}/rollback?revision=1&${WAIT}`),
    ends: ['deployed', 'unchanged'],
  },
  {
    name: 'adoption',
    what: 'an adoption of what helm made',
    before: [madeByHelm],
    call: deployOf(V2, `${WAIT}&adopt=true`),
    ends: ['deployed', 'unchanged'],
  },
  {
    name: 'removal',
    what: 'an uninstall',
    before: [deployed(V1)],
    call: uninstall,
    ends: ['uninstalled', 'not-found'],
  },
];

export const expectEnd = ({ ends }: Walk, reply: Reply, release: string): void => {
  expect(ends, `${release}: ${reply.status} ${reply.text.slice(0, 500)}`).toContain(outcomeOf(reply));
};

/** The steps before the call that is killed. */
export const prepare = async (world: DeployedWorld, { before }: Walk, release: string): Promise<void> => {
  for (const step of before) await step(world, release);
};

/** What the namespace holds of one release: by its names, so that an object without its labels is found too. */
const objectsOf = (all: readonly KubeObject[], release: string): KubeObject[] =>
  all.filter(
    ({ metadata: { name } }) =>
      name.startsWith(`${release}-`) || name === `tio-${release}` || name.startsWith(`tio-${release}.`),
  );

/** The release's records and workloads, once what must hold between calls was found to hold. */
export const expectWhole = (all: readonly KubeObject[], release: string): Promise<Records> =>
  expectConsistent({ objects: async () => objectsOf(all, release) });

/** What the workloads are, whatever the release's name. */
export const specsWithoutName = (records: Records, release: string): unknown =>
  JSON.parse(JSON.stringify(specsOf(records)).replaceAll(release, 'RELEASE'));

/** The writes of a call that nothing kills, in their order, and what it makes of the release. */
export interface Clean {
  readonly writes: readonly string[];
  readonly specs: unknown;
}

/** A Lease is renewed when a call takes long: not a write of every run. */
const isRenewal = ({ method, path }: Passing): boolean => method === 'PUT' && path.includes('/leases/');

/** Runs each walk once without a kill. */
export const runClean = async (world: DeployedWorld, walks: readonly Walk[]): Promise<ReadonlyMap<Walk, Clean>> => {
  const nameOf = ({ name }: Walk): string => `${name}-clean`;
  await Promise.all(walks.map((walk) => prepare(world, walk, nameOf(walk))));
  const writes = new Map(walks.map((walk) => [walk, [] as string[]]));
  const note: Decide = (passing) => {
    const walk =
      passing.isWrite && !isRenewal(passing) ? walks.find((each) => isMarked(passing, nameOf(each))) : undefined;
    if (walk !== undefined) writes.get(walk)?.push(`${passing.method} ${passing.path.replace(/\?.*/, '')}`);
    return 'pass';
  };
  for (const proxy of Object.values(world.proxies)) proxy.decide(note);
  const first = await Promise.all(walks.map((walk) => walk.call(world, nameOf(walk))));
  for (const proxy of Object.values(world.proxies)) proxy.decide();
  const last = await Promise.all(walks.map(async (walk) => walk.next?.(world, nameOf(walk))));
  const all = await world.cluster.objects();
  const clean = new Map<Walk, Clean>();
  for (const [index, walk] of walks.entries()) {
    const reply = last[index] ?? first[index];
    if (reply !== undefined) expectEnd(walk, reply, nameOf(walk));
    const specs = specsWithoutName(await expectWhole(all, nameOf(walk)), nameOf(walk));
    clean.set(walk, { writes: writes.get(walk) ?? [], specs });
  }
  return clean;
};

/** Until when each release is held by somebody, in milliseconds of the epoch. */
export const holdsOf = (all: readonly KubeObject[]): ReadonlyMap<string, number> => {
  const leases = all.filter(({ kind }) => kind === 'Lease');
  return new Map(
    leases.flatMap((lease): [string, number][] => {
      const hold = readHold(lease);
      return hold === null ? [] : [[lease.metadata.name.replace(/^tio-/, ''), hold.expiresAtMs]];
    }),
  );
};

/** Makes a Lease that nobody renews as old as if `seconds` more had passed. */
export const ageLease = async ({ cluster }: DeployedWorld, release: string, seconds: number): Promise<void> => {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${cluster.namespace}/leases/tio-${release}`;
  const { json } = await cluster.api.send('GET', path);
  const renewedAt = Date.parse(String(member(json, 'spec', 'renewTime')));
  const renewTime = new Date(renewedAt - seconds * 1_000).toISOString().replace('Z', '000Z');
  await cluster.api.send('PATCH', path, { spec: { renewTime } });
};

/** How many Jobs there are of the aggregation that went with each release. */
export const countJobs = async ({ cluster }: DeployedWorld): Promise<(release: string) => number> => {
  const { json } = await cluster.api.send('GET', `/apis/batch/v1/namespaces/${cluster.namespace}/jobs`);
  const names = itemsOf(json).map(({ metadata }) => metadata.name);
  return (release) => names.filter((name) => name === `${release}-${release}`).length;
};
