import { beforeAll, describe, expect, test } from 'vitest';
import type { HoldPoint } from './hold.ts';
import { killAt } from './hold.ts';
import type { Clean, Walk } from './release-walks.ts';
import {
  ageLease,
  countJobs,
  expectEnd,
  expectWhole,
  holdsOf,
  prepare,
  runClean,
  specsWithoutName,
  WALKS,
} from './release-walks.ts';
import type { DeployedWorld } from './release-world.ts';
import { useDeployedWorld } from './release-world.ts';
import { PATIENCE_MS, size, sized } from './size.ts';

const LEASE_SEC = 60;
/** Before a Lease’s end a call may still meet it, or not. */
const GRACE_MS = 15_000;

/** One release, killed at one of its call's writes. */
interface Killed extends HoldPoint {
  readonly walk: Walk;
}

const pointsOf = (walk: Walk, writes: number): readonly Killed[] =>
  Array.from({ length: writes }, (_, index) => index + 1).flatMap((write) =>
    (['before', 'after'] as const).map((when) => ({ walk, write, when, mark: `${walk.name}-${write}-${when}` })),
  );

/** Of a walk's points one in so many, and the last. */
const STRIDE = sized(1_000, 7, 1);

const chosen = (points: readonly Killed[]): readonly Killed[] =>
  points.filter((_, index) => index % STRIDE === 0 || index === points.length - 1);

/**
 * Asks as a person does who saw the call end without an answer: the same call again, or what they want instead; and while it is told `busy`, later.
 * A dead call's Lease has to expire; the full walk waits for that, the quick one makes the Lease older.
 */
const callAgain = async (world: DeployedWorld, { walk, mark }: Killed, heldUntilMs: number): Promise<void> => {
  const askedAtMs = Date.now();
  for (let isFirst = true; ; isFirst = false) {
    const reply = await (walk.next ?? walk.call)(world, mark);
    if (reply.body['outcome'] !== 'busy') {
      if (isFirst) expect(heldUntilMs, `${mark}: not told that it is busy`).toBeLessThan(askedAtMs + GRACE_MS);
      expectEnd(walk, reply, mark);
      return;
    }
    expect(reply.status).toBe(409);
    expect(heldUntilMs, `${mark}: told busy, and nobody holds it`).toBeGreaterThan(0);
    if (size === 'full') await new Promise((resolve) => setTimeout(resolve, 1_000));
    else await ageLease(world, mark, LEASE_SEC + 1);
  }
};

/** `kill -9` of the process of `deploy` at every write of every kind of call, on whatever API server. */
export const describeKilledDeploys = (kubeconfig: () => string): void => {
  describe('kill -9 of deploy at any write', () => {
    const useIt = useDeployedWorld(kubeconfig);
    let clean: ReadonlyMap<Walk, Clean>;
    let points: readonly Killed[] = [];
    beforeAll(async () => {
      const world = useIt();
      clean = await runClean(world, WALKS);
      points = [...clean].flatMap(([walk, { writes }]) => chosen(pointsOf(walk, writes.length)));
      await Promise.all(points.map(({ walk, mark }) => prepare(world, walk, mark)));
      await killAt(world, 'deploy', points, () => points.map(({ walk, mark }) => walk.call(world, mark)));
      const holds = holdsOf(await world.cluster.objects());
      await Promise.all(points.map((point) => callAgain(world, point, holds.get(point.mark) ?? 0)));
    }, PATIENCE_MS * 2);

    test.each(WALKS)('$what is carried on by the next call, and no human', async (walk) => {
      const all = await useIt().cluster.objects();
      const mine = points.filter((point) => point.walk === walk);
      expect(clean.get(walk)?.writes.length).toBeGreaterThanOrEqual(walk.ends.includes('deployed') ? 10 : 2);
      const jobs = await countJobs(useIt());
      for (const { mark } of mine) {
        expect({ mark, jobs: jobs(mark) }).toEqual({ mark, jobs: walk.jobs ?? 0 });
        expect(specsWithoutName(await expectWhole(all, mark), mark), `${mark}`).toEqual(clean.get(walk)?.specs);
      }
    });
  });
};
