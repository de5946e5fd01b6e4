import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ABLATIONS } from './ablation.ts';
import { ablate } from './load-without.ts';

const AblatedSchema = z.object({ rule: z.string(), seed: z.number().nullable(), violation: z.string() });
const results = new Map<string, z.infer<typeof AblatedSchema>>();

// A process of its own: the product's source is changed while Node loads it.
beforeAll(async () => {
  const script = fileURLToPath(new URL('ablate.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script], { maxBuffer: 1e8 });
  for (const line of stdout.trim().split('\n')) {
    const result = AblatedSchema.parse(JSON.parse(line));
    results.set(result.rule, result);
  }
}, 600_000);

test.each(ABLATIONS.map(({ rule }) => rule))('without this rule the simulation fails: %s', (rule) => {
  expect(results.get(rule)?.seed).toBeTypeOf('number');
});

test('a rule whose line is no longer in the source is an error', () => {
  const edit = { file: 'x.ts', find: 'gone', replace: '' };
  expect(() => ablate('const a = 1;', edit)).toThrow('x.ts holds 0 times, not once: gone');
});
