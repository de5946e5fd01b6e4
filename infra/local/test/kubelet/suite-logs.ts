import { describe, expect, test } from 'vitest';
import { createWorld, script } from './pod-world.ts';
import type { Target } from './pod-world.ts';

/** Logs, by way of the API server. */
export function describeLogs(target: () => Target): void {
  describe('the log of a pod', () => {
    test('is cut as asked', async () => {
      const world = createWorld(target());
      await world.kubelet();
      const name = await world.createPod({
        containers: [script(`console.log('one'); console.error('två'); process.stdout.write('three')`)],
      });
      await world.phase(name, 'Succeeded');
      const lines = (await world.log(name)).split('\n').toSorted();
      expect(lines).toEqual(['one', 'three', 'två']);
      expect(await world.log(name, '?limitBytes=2')).toHaveLength(2);
      expect(await world.log(name, '?tailLines=0')).toBe('');
      expect(await world.log(name, '?sinceTime=2100-01-01T00:00:00Z')).toBe('');
      expect(await world.log(name, '?sinceSeconds=3600&timestamps=true')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{18}Z \S+/);
    });

    test('is followed to its end', async () => {
      const world = createWorld(target());
      await world.kubelet();
      const text = `let n = 0; const t = setInterval(() => { console.log('line', n); if (++n === 20) clearInterval(t) }, 20)`;
      const name = await world.createPod({ containers: [script(text)] });
      await world.phase(name, 'Running');
      const expected = Array.from({ length: 20 }, (_, n) => `line ${n}\n`).join('');
      expect(await world.log(name, '?follow=true')).toBe(expected);
      expect(await world.log(name, '?tailLines=2')).toBe('line 18\nline 19\n');
    });

    test('of an earlier run is refused when there was none', async () => {
      const world = createWorld(target());
      await world.kubelet();
      const name = await world.createPod({ containers: [script('')] });
      await world.phase(name, 'Succeeded');
      expect(await world.log(name, '?previous=true')).toBe(
        `400 previous terminated container "main" in pod "${name}" not found`,
      );
    });
  });
}
