import type { Accounting, Sorted } from './accounting.ts';
import { account, sortListing } from './accounting.ts';
import type { RoundsDeps } from './deps.ts';
import type { ListedUpdate } from './listing.ts';
import { listUpdates } from './listing.ts';
import type { Manifest } from './manifest.ts';
import { lookAtRound } from './open-round.ts';
import { decide } from './policy.ts';
import { publishStep } from './publish.ts';
import { adoptStep, readManifest, sealStep } from './seal.ts';
import type { Known, Pass, Step } from './step.ts';

/** The uploads of a task, as they stand to its ledger. */
export interface Books {
  /** A sealed round that the ledger does not know yet. */
  readonly unadopted: Manifest | null;
  readonly listing: readonly ListedUpdate[];
  readonly sorted: Sorted;
  readonly accounting: Accounting;
}

/** Reads the manifest of the next round, then the listing; `known` was read before. The order makes the books add up. */
export async function readBooks(
  deps: RoundsDeps,
  pass: Pass,
  { ledger }: Known,
  manifest?: Manifest | null,
): Promise<Books> {
  const unadopted = manifest === undefined ? await readManifest(deps, pass, ledger.next) : manifest;
  const listing = await listUpdates(deps.store, pass.policy.uploads, pass.taskId, pass.call);
  const sorted = sortListing(ledger, unadopted, listing);
  return { unadopted, listing, sorted, accounting: account(ledger, unadopted, sorted) };
}

/** What follows from the books when no round is open. */
export function stepFromBooks(deps: RoundsDeps, pass: Pass, known: Known, books: Books): Step {
  const { unadopted, accounting, sorted, listing } = books;
  if (unadopted !== null) return { next: adoptStep(deps, pass, known, unadopted), accounting };
  const decision = decide(pass.policy, sorted.pending, pass.now, pass.force);
  if (decision.kind === 'wait') return { next: decision, accounting };
  return { next: sealStep(deps, pass, known, decision, sorted, listing), accounting };
}

/** What the task needs next: one step of rounds.md, section 3. Only reads; the step's `run` writes. */
export async function nextStep(deps: RoundsDeps, pass: Pass, known: Known): Promise<Step> {
  const publish = publishStep(deps, pass, known);
  if (publish !== null) return { next: publish };
  const { open } = known.ledger;
  if (open !== null) return lookAtRound(deps, pass, known, open);
  const manifest = await readManifest(deps, pass, known.ledger.next);
  // No listing is needed to adopt: the round's set is what the manifest says.
  if (manifest !== null) return { next: adoptStep(deps, pass, known, manifest) };
  return stepFromBooks(deps, pass, known, await readBooks(deps, pass, known, null));
}
