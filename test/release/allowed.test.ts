import { expect, test } from 'vitest';
import type { ReleaseDeps } from '../../src/release/request.ts';
import { expectConsistent } from './invariants.ts';
import { refusal } from './suite.ts';
import type { Ask } from './world.ts';
import { callDeploy, createDeps, createMemoryWorld, tagged } from './world.ts';

const KEYS = ['sacred.json', 'sacred.pem', 'googleAccessId'];

const start = async (first: Ask) => {
  const world = createMemoryWorld();
  await world.putSecret('tensorio-models', KEYS);
  await callDeploy(world, first);
  await callDeploy(world, { over: tagged('ok-2', 'ok-2') });
  const deps = createDeps(world);
  const allowing = (allowed: Partial<ReleaseDeps['launch']['allowed']>): ReleaseDeps => ({
    ...deps,
    launch: { ...deps.launch, allowed: { ...deps.launch.allowed, ...allowed } },
  });
  return { world, allowing };
};

test('a revision whose image is not allowed any more is not rolled back to', async () => {
  const { world, allowing } = await start({ over: tagged('ok-1', 'ok-1') });
  const refused = await refusal(callDeploy(world, { revision: 1 }, allowing({ images: ['docai/flea'] })));
  expect(refused).toMatchObject({
    status: 422,
    code: 'invalid',
    details: {
      issues: [
        {
          path: 'Deployment/demo-repository',
          message: 'image "docai/tensorio-models" is not allowed by ALLOWED_IMAGES; allowed: docai/flea',
        },
      ],
    },
  });
  expect((await expectConsistent(world)).pointer).toMatchObject({ current: 2 });
});

test('nor is one whose bucket is not', async () => {
  const { world, allowing } = await start({ example: 'gcs', over: tagged('ok-1', 'ok-1') });
  const refused = await refusal(callDeploy(world, { revision: 1 }, allowing({ buckets: ['example-flea'] })));
  expect(refused).toMatchObject({ status: 422, code: 'invalid' });
  expect(refused.message).toContain('bucket "example-repository" is not allowed by ALLOWED_BUCKETS');
  expect((await expectConsistent(world)).pointer).toMatchObject({ current: 2 });
});

test('nor is a pod whose overlay brings an image that is not', async () => {
  const world = createMemoryWorld();
  const pod = {
    initContainers: [{ name: 'evil', image: 'evil/miner:1' }],
    containers: [{ name: 'repository', image: 'x/y' }],
  };
  const over = { repository: { deployment: { pod } }, flea: null };
  const refused = await refusal(callDeploy(world, { over, dryRun: 'client' }));
  const message = (image: string) =>
    `image "${image}" is not allowed by ALLOWED_IMAGES; allowed: docai/flea-aggregator, docai/tensorio-models, docai/flea`;
  expect(refused.details['issues']).toEqual([
    { path: 'repository.deployment.pod', message: message('evil/miner') },
    { path: 'repository.deployment.pod', message: message('x/y') },
  ]);
});

test('nor is a bucket that an overlay sets in the environment', async () => {
  const world = createMemoryWorld();
  const env = [{ name: 'REPOSITORY_GCS_BUCKET', value: 'elsewhere' }];
  const over = { repository: { deployment: { pod: { containers: [{ name: 'repository', env }] } } }, flea: null };
  const refused = await refusal(callDeploy(world, { over, dryRun: 'client' }));
  expect(refused.message).toContain('bucket "elsewhere" is not allowed by ALLOWED_BUCKETS');
});
