import type { Row, Table } from './report.ts';
import type { Scope } from './scope.ts';

export const EFFORTS = ['quick', 'normal', 'full'] as const;
export type Effort = (typeof EFFORTS)[number];

/** What a section is run with. */
export interface Bench {
  readonly scope: Scope;
  readonly effort: Effort;
  /** Adds to the report; what was added is kept when the section fails later. */
  readonly add: (part: Table | string) => void;
}

export interface Section {
  readonly name: string;
  readonly title: string;
  /** What is measured, and on what. */
  readonly about: string;
  readonly run: (bench: Bench) => Promise<void>;
}

/** The size for an effort; `full` is as `normal` unless given. */
export const sizeOf = <T>({ effort }: Bench, sizes: { readonly quick: T; readonly normal: T; readonly full?: T }): T =>
  effort === 'quick' ? sizes.quick : effort === 'full' ? (sizes.full ?? sizes.normal) : sizes.normal;

/** Adds a table whose rows come one by one; those that came before a failure are kept. */
export const openTable = (bench: Bench, columns: Table['columns']): ((row: Row) => void) => {
  const rows: Row[] = [];
  bench.add({ columns, rows });
  return (row) => void rows.push(row);
};

/** Calls `turn` so many times, at least once, and no more once `withinMs` are over: the machine may be busy. */
export const takeTurns = async (
  times: number,
  withinMs: number,
  turn: (at: number) => Promise<void>,
): Promise<void> => {
  const startedAt = performance.now();
  for (let at = 0; at < times && (at === 0 || performance.now() - startedAt < withinMs); at += 1) await turn(at);
};
