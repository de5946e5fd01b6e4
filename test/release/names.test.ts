import { expect, test } from 'vitest';
import fc from 'fast-check';
import { fullName, releaseNameProblem, serviceName } from '../../src/release/names.ts';

test('the chart’s full name', () => {
  expect(fullName({ release: 'demo' })).toBe('demo-tensorio-models');
  expect(fullName({ release: 'my-tensorio-models-2' })).toBe('my-tensorio-models-2');
});

test('a name is refused exactly where its Services would be too long', () => {
  expect(releaseNameProblem({ release: 'r'.repeat(36) }, ['repository'])).toBeNull();
  expect(releaseNameProblem({ release: 'r'.repeat(37) }, ['repository'])).toMatch(
    /has 37 characters and may have at most 36/,
  );
  expect(releaseNameProblem({ release: 'r'.repeat(42) }, ['flea'])).toBeNull();
  expect(releaseNameProblem({ release: 'r'.repeat(43) }, ['flea'])).toMatch(/at most 42/);
});

test('a name that is allowed makes Services that Kubernetes allows', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,62}$/);
  const check = (): void =>
    fc.assert(
      fc.property(name, (release) => {
        if (releaseNameProblem({ release }, ['repository', 'flea']) !== null) return true;
        return (['repository', 'flea'] as const).every((component) => {
          const service = serviceName({ release }, component);
          return (
            service.length <= 63 &&
            /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(service) &&
            service === `${fullName({ release })}-${component}`
          );
        });
      }),
    );
  expect(check).not.toThrow();
});
