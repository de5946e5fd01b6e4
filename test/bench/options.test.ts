import { describe, expect, test } from 'vitest';
import { HELP, parseBenchOptions } from './options.ts';
import { SECTIONS } from './sections.ts';

const NAMES = ['trigger', 'events'];
const parse = (...args: string[]) => parseBenchOptions(args, NAMES);

describe('the options of the bench', () => {
  test('are all sections at their normal size unless it is told otherwise', () => {
    expect(parse()).toEqual({ kind: 'run', effort: 'normal', json: false, only: [] });
  });

  test('take names of sections repeated, or with commas', () => {
    expect(parse('--quick', '--only', 'trigger', '--only', 'events,trigger', '--json')).toEqual({
      kind: 'run',
      effort: 'quick',
      json: true,
      only: ['trigger', 'events', 'trigger'],
    });
  });

  test.each([
    [['--only', 'x'], '--only "x"'],
    [['--quick', '--full'], 'contradict'],
    [['--fast'], '--fast'],
  ])('%j are refused, by name', (args, words) => {
    expect(parse(...args)).toMatchObject({ kind: 'refused', message: expect.stringContaining(words) });
  });

  test('are told by --help, with the name of every section', () => {
    expect(parse('--help')).toEqual({ kind: 'help' });
    for (const { name } of SECTIONS) expect(HELP).toContain(name);
  });
});
