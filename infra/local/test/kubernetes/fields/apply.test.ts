import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyConfig } from '../../../kubernetes/fields/apply.ts';
import type { Manager } from '../../../kubernetes/fields/managers.ts';
import type { Fields } from '../../../kubernetes/json.ts';
import { configMaps } from '../../../kubernetes/resources/data-kinds.ts';
import { jobs } from '../../../kubernetes/resources/jobs.ts';
import type { Resource } from '../../../kubernetes/resources/resource.ts';

const now = new Date('2026-01-01T00:00:00Z');

interface State {
  readonly object: Fields;
  readonly managers: readonly Manager[];
}

function apply(resource: Resource, state: State, manager: string, config: Fields): State {
  return applyConfig({
    resource,
    live: state.object,
    config,
    managers: state.managers,
    by: { manager, operation: 'Apply', subresource: '' },
    force: true,
    now,
  });
}

const empty: State = { object: {}, managers: [] };
const data = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'));
const steps = fc.array(fc.record({ manager: fc.constantFrom('x', 'y', 'z'), data }), { minLength: 1, maxLength: 8 });

describe('forced server-side apply', () => {
  test('leaves what was applied last as it was applied, whoever owned it before', () => {
    fc.assert(
      fc.property(steps, (applications) => {
        const state = applications.reduce(
          (at, { manager, data: wanted }) => apply(configMaps, at, manager, { data: wanted }),
          empty,
        );
        expect(state.object['data'] ?? {}).toMatchObject(applications.at(-1)?.data ?? {});
      }),
    );
  });

  test('twice the same changes nothing the second time', () => {
    fc.assert(
      fc.property(steps, (applications) => {
        const state = applications.reduce(
          (at, { manager, data: wanted }) => apply(configMaps, at, manager, { data: wanted }),
          empty,
        );
        const { manager = '', data: wanted = {} } = applications.at(-1) ?? {};
        const again = apply(configMaps, state, manager, { data: wanted });
        expect(again.object['data'] ?? {}).toEqual(state.object['data'] ?? {});
      }),
    );
  });

  test('keeps exactly the fields that somebody applies', () => {
    fc.assert(
      fc.property(steps, (applications) => {
        const state = applications.reduce(
          (at, { manager, data: wanted }) => apply(configMaps, at, manager, { data: wanted }),
          empty,
        );
        const newest = new Map(applications.map(({ manager, data: wanted }) => [manager, wanted]));
        const applied = new Set([...newest.values()].flatMap((wanted) => Object.keys(wanted)));
        const kept = Object.keys(state.object['data'] ?? {});
        for (const key of kept) expect(applied).toContain(key);
      }),
    );
  });

  test('merges containers by name and environment variables by theirs, and takes away what one manager drops', () => {
    function container(env: readonly Fields[]): Fields {
      return {
        spec: { template: { spec: { containers: [{ name: 'c', image: 'i', env }] } } },
      };
    }
    const first = apply(
      jobs,
      empty,
      'x',
      container([
        { name: 'A', value: '1' },
        { name: 'B', value: '1' },
      ]),
    );
    const second = apply(jobs, first, 'y', container([{ name: 'C', value: '1' }]));
    const third = apply(jobs, second, 'x', container([{ name: 'B', value: '2' }]));
    expect(third.object).toEqual(
      container([
        { name: 'B', value: '2' },
        { name: 'C', value: '1' },
      ]),
    );
  });
});
