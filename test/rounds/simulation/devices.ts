import type { World } from './world.ts';
import { may } from './world.ts';

const EVENT_DELAY_MS = 30_000;
export const BACK_DATED_MS = 1_800_000;

const announce = (world: World, taskId: string): void => {
  if (may(world, 'lost-events') && world.prng.chance(0.15)) return;
  const copies = may(world, 'duplicate-events') && world.prng.chance(0.2) ? 2 : 1;
  for (let copy = 0; copy < copies; copy += 1) {
    world.deliveries.push({ taskId, dueMs: world.nowMs + world.prng.int(EVENT_DELAY_MS) });
  }
};

const put = (world: World, taskId: string, jobId: string, body: string): void => {
  const { skewMs } = world.config;
  // Less than the shortest window: a bucket may give a restored object an older time.
  const isBackDated = may(world, 'back-dated') && world.prng.chance(0.1);
  const skew = (skewMs === 0 ? 0 : world.prng.between(-skewMs, skewMs)) - (isBackDated ? BACK_DATED_MS : 0);
  const uri = { bucket: 'uploads', name: `tasksJobs/${taskId}/${jobId}.zip` };
  const info = world.store.put(uri, body, { timeCreated: new Date(world.nowMs + skew) });
  const generation = Number(info.generation);
  const content = `${info.crc32c} ${info.size}`;
  world.truth.upload(taskId, jobId, {
    generation,
    timeCreatedMs: Date.parse(info.timeCreated),
    size: info.size,
    content,
  });
  world.log(
    () =>
      `device: ${taskId}/${jobId} generation ${generation} at ${info.timeCreated}${info.size === 0 ? ' (empty)' : ''}`,
  );
  announce(world, taskId);
};

/** Somebody rewrites an object with equal content: another storage class or key, or a copy back. */
const rewrite = (world: World, taskId: string, jobId: string): void => {
  const found = world.store.peek({ bucket: 'uploads', name: `tasksJobs/${taskId}/${jobId}.zip` });
  if (found !== null) put(world, taskId, jobId, found.text);
};

/** A device uploads a new update, or one that it has uploaded before. */
export const upload = (world: World): void => {
  const { prng, config } = world;
  const taskId = prng.pick(config.tasks);
  const known = [...world.truth.uploads(taskId).keys()];
  if (known.length > 0 && may(world, 'rewrites') && prng.chance(0.2)) return rewrite(world, taskId, prng.pick(known));
  const again = known.length > 0 && may(world, 're-uploads') && prng.chance(0.3);
  const jobId = again ? prng.pick(known) : `job${known.length + 1}`;
  const empty = may(world, 'empty-uploads') && prng.chance(0.08);
  const body = `zip ${world.step}`;
  put(world, taskId, jobId, empty ? '' : body);
  // A client that heard no answer sends it once more.
  if (may(world, 'echo') && prng.chance(0.05)) put(world, taskId, jobId, body);
};
