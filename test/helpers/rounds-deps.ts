import type { Log } from '../../src/log.ts';
import { createCoalescer } from '../../src/rounds/coalesce.ts';
import { createLedgerStore } from '../../src/rounds/ledger-store.ts';
import type { RoundsDeps } from '../../src/rounds/task-context.ts';
import type { LaunchDeps } from '../../src/runs/finish.ts';

/** What `wire.ts` builds for the rounds. */
export const createRoundsDeps = (launch: LaunchDeps, log: Log, defaults: RoundsDeps['defaults']): RoundsDeps => ({
  ...launch,
  log,
  defaults,
  ledgers: createLedgerStore(launch.store, launch.stateUri),
  coalescer: createCoalescer(),
});
