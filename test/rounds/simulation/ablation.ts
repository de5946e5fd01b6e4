import type { Fault } from './config.ts';

/** A change to the source of one file below `src/rounds/`. */
export interface Edit {
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** One rule of the protocol, taken out of the product's source: the simulation must then fail. */
export interface Ablation extends Edit {
  readonly rule: string;
  /** Another rule that alone would be enough: both are taken out. */
  readonly also?: Edit;
  /** The faults that must meet for it; whatever the seed says otherwise. */
  readonly faults?: readonly Fault[];
  /** A seed whose schedule fails; where the product has changed since, others are looked for. */
  readonly seed?: number;
}

/**
 * The rules, each with the change that switches it off. The product has no switches: the change is made to the source
 * while it is loaded (main.ts `--without`). A line that is not found any more fails the test, so the table cannot rot.
 */
export const ABLATIONS: readonly Ablation[] = [
  {
    rule: 'now is taken before the ledger and the listing, or the watermark follows the bucket’s clock',
    seed: 21,
    file: 'seal.ts',
    find: 'const sealed = { now, settledWindowSec',
    replace: 'const sealed = { now: context.rounds.now(), settledWindowSec',
    also: {
      file: 'accounting.ts',
      find: 'Math.min(now.getTime(), newestListedMs)',
      replace: 'now.getTime()',
    },
    faults: ['jump', 'sleep', 'instances', 'crash'],
  },
  {
    rule: 'the watermark follows the bucket’s clock: an instance’s may be days ahead',
    seed: 20,
    file: 'accounting.ts',
    find: 'Math.min(now.getTime(), newestListedMs)',
    replace: 'now.getTime()',
    faults: ['wrong-clock', 'instances', 'crash'],
  },
  {
    rule: 'the watermark stays behind the oldest pending update',
    seed: 13,
    file: 'accounting.ts',
    find: 'oldestLeftMs - 1)',
    replace: 'Infinity)',
  },
  {
    rule: 'the watermark never falls',
    faults: ['policy-change', 'jump', 'instances', 'force'],
    file: 'accounting.ts',
    find: 'Math.max(ledger.watermarkMs, Math.min(',
    replace: 'Math.max(0, Math.min(',
  },
  {
    rule: 'an id leaves by the later of its sealed and its listed time',
    seed: 5,
    file: 'accounting.ts',
    find: 'update?.timeCreatedMs ?? 0)',
    replace: '0)',
  },
  {
    rule: 'what is listed behind the watermark counts as settled',
    file: 'accounting.ts',
    find: 'else if (update.timeCreatedMs > ledger.watermarkMs)',
    replace: 'else',
  },
  {
    rule: 'a duplicate that leaves is folded into the totals',
    file: 'accounting.ts',
    find: 'duplicate += 1;',
    replace: ';',
  },
  {
    rule: 'the watermark stays a window behind, so that an upload with an older time is not lost',
    file: 'accounting.ts',
    find: 'horizonMs - settledWindowSec * 1000',
    replace: 'horizonMs',
    faults: ['back-dated', 'instances', 'force'],
  },
  {
    rule: 'an object that was rewritten with equal content is the same update',
    file: 'accounting.ts',
    find: '!isRewritten && ',
    replace: '',
    faults: ['rewrites', 'instances', 'force'],
  },
  {
    rule: 'an invalid object that the watermark passes is folded into the totals',
    seed: 4,
    file: 'accounting.ts',
    find: 'invalid += 1;',
    replace: ';',
  },
  {
    rule: 'an empty object is invalid',
    file: 'listing.ts',
    find: "size === 0 ? 'empty' : ",
    replace: '',
  },
  {
    rule: 'a manifest that is there is adopted: the set is what it says',
    seed: 24,
    file: 'seal.ts',
    find: "=== 'taken') return current;",
    replace: "=== 'nothing') return current;",
  },
  {
    rule: 'adopting leaves the watermark and prunes nothing',
    seed: 1537,
    file: 'seal.ts',
    find: 'return writeLedger(context, current, openSealed(context, current.ledger, manifest));',
    replace:
      'return writeLedger(context, current, raiseWatermark(openSealed(context, current.ledger, manifest), { now: context.now, settledWindowSec: context.policy.settledWindowSec, listing: [], left: [] }));',
  },
  {
    rule: 'a sealed round that the ledger does not know is looked for',
    seed: 9,
    file: 'advance.ts',
    find: 'if (manifest !== null) return',
    replace: 'if (manifest?.round === 0) return',
  },
  {
    rule: 'a lost ledger write is never taken for done',
    seed: 8,
    file: 'ledger-store.ts',
    find: "if (written === 'conflict') return 'conflict';",
    replace: "if (written === 'conflict') return { ledger, generation: current.generation };",
  },
  {
    rule: 'what was settled and not published is published by the next reconcile',
    file: 'ledger.ts',
    find: 'unpublished: [...ledger.unpublished, open.round],',
    replace: 'unpublished: [],',
  },
  {
    rule: 'latest.json never goes back',
    seed: 414,
    faults: ['sleep', 'instances'],
    file: 'publish.ts',
    find: '.round >= round) return true;',
    replace: '.round === round) return true;',
  },
  {
    rule: 'an absent Job is never complete',
    seed: 41,
    file: 'attempt.ts',
    find: "if (open.created) return { next: reserveName(state, open.cancelled === true ? 'Cancelled' : 'Vanished') };",
    replace: 'if (open.created) return { next: await complete(state) };',
  },
  {
    rule: 'a complete Job without output has failed',
    seed: 11,
    file: 'attempt.ts',
    find: 'if (!(await hasOutput(state))) {\n    return endAttempt',
    replace: 'if (state === null) {\n    return endAttempt',
  },
  {
    rule: 'the name of a vanished Job stays reserved',
    seed: 230,
    faults: ['delete-job', 'sleep', 'instances', 'timeout'],
    file: 'attempt.ts',
    find: "if (open.created) return { next: reserveName(state, open.cancelled === true ? 'Cancelled' : 'Vanished') };",
    replace: "if (open.created) return { next: endAttempt(state, 'Vanished', 'it is gone') };",
  },
  {
    rule: 'a Job of the attempt’s name and another uid is not the one that was created',
    seed: 142567,
    file: 'attempt.ts',
    find: 'open.jobUid !== undefined && job',
    replace: 'open.jobUid === null && job',
  },
  {
    rule: 'no Job is created while a pod of the task lives',
    seed: 60,
    file: 'attempt.ts',
    find: 'if (alive !== undefined) {',
    replace: 'if (alive === null) {',
  },
  {
    rule: 'an attempt whose directory holds something is not started',
    file: 'attempt.ts',
    find: "if (await hasOutput(state)) return reserveName(state, 'OutputNotEmpty');",
    replace: '',
    faults: ['crash', 'delete-job', 'odd-output', 'instances'],
    seed: 901,
  },
  {
    rule: 'a backoff that a wrong clock wrote is ignored',
    seed: 24,
    file: 'attempt.ts',
    find: ' && waitMs <= MAX_BACKOFF_SEC * 1000',
    replace: '',
    faults: ['wrong-clock', 'failing-jobs', 'instances', 'crash'],
  },
  {
    rule: 'a Job is recognised by its updates: after the state was moved away, its name and annotation differ',
    file: 'attempt-job.ts',
    find: 'round, number, attempt.content);',
    replace: 'round, number);',
    also: { file: 'attempt-job.ts', find: ' && (open.content === undefined || content === open.content)', replace: '' },
    faults: ['lost-state', 'instances', 'crash', 'force'],
    seed: 16,
  },
  {
    rule: 'no Job is created while an earlier Job of the task may still run',
    file: 'attempt.ts',
    find: 'if (other !== undefined) {',
    replace: 'if (other === null) {',
    faults: ['lost-state', 'kueue', 'instances', 'force', 'sleep'],
    seed: 761,
  },
  {
    rule: 'a Job that the ledger does not record is recorded',
    seed: 6,
    file: 'attempt.ts',
    find: 'if (!isOfAttempt(context.rounds, context.taskId, open, job)) {',
    replace: 'if (!open.created || !isOfAttempt(context.rounds, context.taskId, open, job)) {',
  },
  {
    rule: 'a failed attempt is followed by another name',
    seed: 4,
    file: 'ledger.ts',
    find: 'attempt: failure.attempt + 1,',
    replace: 'attempt: failure.attempt,',
  },
  {
    rule: 'attempts never share a directory',
    faults: ['failing-jobs', 'odd-output', 'instances'],
    file: 'seal.ts',
    find: 'attempt: String(index + 1)',
    replace: "attempt: '1'",
  },
  {
    rule: 'the output path is frozen when the round is sealed',
    seed: 8,
    file: 'attempt.ts',
    find: 'const state: RoundState = { context, current, open };',
    replace:
      "const { freezePolicy } = await import('./seal.ts'); open = { ...open, outputPaths: freezePolicy({ ...context.policy, maxAttempts: open.maxAttempts }, context.taskId, open.round).outputPaths }; const state: RoundState = { context, current, open };",
  },
  {
    rule: "the Job's name is frozen before it is created",
    seed: 8,
    faults: ['policy-change', 'release-change', 'crash', 'timeout', 'sleep', 'instances'],
    file: 'attempt.ts',
    find: 'const state: RoundState = { context, current, open };',
    replace:
      'open = { ...open, job: jobRefOf(context.rounds, context.taskId, open) }; const state: RoundState = { context, current, open };',
  },
  {
    rule: 'a cancelled Job is suspended, not deleted',
    seed: 118,
    faults: ['cancel', 'sleep', 'instances', 'timeout', 'left-pods'],
    file: 'attempt.ts',
    find: 'await context.rounds.cluster.suspendJob(open.job.namespace, open.job.name, context.call);\n    return current;',
    replace:
      'await context.rounds.cluster.deleteJob(open.job.namespace, open.job.name, context.call);\n    return writeLedger(context, current, settleRound(current.ledger, context.rounds.now(), { attempt: open.attempt, code: "Cancelled", reason: "" }));',
  },
  {
    rule: 'a cancelled Job that Kueue would resume is deleted',
    seed: 128,
    faults: ['cancel', 'kueue', 'instances', 'force'],
    file: 'attempt.ts',
    find: 'if (!hasEnded && isQueued(job)) return',
    replace: 'if (job === null) return',
  },
  {
    rule: 'a cancellation before the Job was created reserves its name',
    seed: 56,
    faults: ['cancel', 'sleep', 'instances', 'timeout', 'crash', 'force'],
    file: 'attempt.ts',
    find: "if (open.cancelled === true) return reserveName(state, 'Cancelled');",
    replace: "if (open.cancelled === true) return endAttempt(state, 'Cancelled', 'it was cancelled');",
  },
  {
    rule: 'a round is redriven once',
    seed: 53,
    faults: ['redrive', 'failing-jobs', 'instances', 'sleep'],
    file: 'redrive.ts',
    find: 'if (as !== undefined) {',
    replace: 'if (as === 0) {',
  },
  {
    rule: 'a redrive is a round of its own',
    file: 'seal.ts',
    find: 'redriveOf: first.round,',
    replace: '',
  },
  {
    rule: 'a requested redrive is carried out',
    file: 'advance.ts',
    find: 'if (wanted !== undefined) return { next: redriveStep(context, current, wanted) };',
    replace: '',
    also: {
      file: 'advance.ts',
      find: 'if (wanted !== undefined) return { next: redriveStep(context, current, wanted), accounting };',
      replace: '',
    },
  },
  {
    rule: 'a redrive that was carried out is no longer requested',
    file: 'ledger.ts',
    find: 'ledger.redrives.filter(({ round }) => round !== redriveOf)',
    replace: 'ledger.redrives',
  },
  {
    rule: 'a redrive may be requested while another round is open',
    file: 'redrive.ts',
    find: 'if (open?.round === round)',
    replace: 'if (open !== null)',
  },
  {
    rule: 'a redriven round is no longer counted as failed',
    file: 'ledger.ts',
    find: 'failed: totals.failed - (redriveOf === undefined ? 0 : manifest.updates.length),',
    replace: 'failed: totals.failed,',
  },
  {
    rule: 'dropped updates are settled',
    seed: 4,
    file: 'ledger.ts',
    find: '? [...manifest.updates, ...manifest.dropped] :',
    replace: '? [...manifest.updates] :',
  },
  {
    rule: 'a call joins the waiting one, never the running one',
    file: 'coalesce.ts',
    find: 'return join(lane.waiting, options);',
    replace: 'return join(lane.running, options);',
  },
  {
    rule: 'force flags are or-ed',
    seed: 63,
    file: 'coalesce.ts',
    find: 'batch.force ||= force;',
    replace: 'if (batch.callers === 0) batch.force = force;',
  },
  {
    rule: 'a reader looks for the manifest of the next round',
    seed: 36,
    file: 'advance.ts',
    find: 'const sorted = sortListing(ledger, unadopted, listing);\n  return { unadopted, listing, sorted, accounting: countUpdates(ledger, unadopted, sorted) };',
    replace:
      'const sorted = sortListing(ledger, null, listing);\n  return { unadopted, listing, sorted, accounting: countUpdates(ledger, null, sorted) };',
  },
  {
    rule: 'a reader reads the manifest before the listing, or a listing that is the older view makes no duplicate',
    seed: 350,
    file: 'advance.ts',
    find: 'const unadopted = manifest === undefined ? await readManifest(context, ledger.next) : manifest;\n  const listing = await listUpdates(context.rounds.store, context.policy, context.taskId, context.call);',
    replace:
      'const listing = await listUpdates(context.rounds.store, context.policy, context.taskId, context.call);\n  const unadopted = manifest === undefined ? await readManifest(context, ledger.next) : manifest;',
    also: {
      file: 'accounting.ts',
      find: 'compareGenerations(listed.generation, settled.generation) > 0',
      replace: 'compareGenerations(listed.generation, settled.generation) !== 0',
    },
    faults: ['re-uploads', 'crash', 'instances', 'sleep', 'timeout'],
  },
  {
    rule: 'the cursor is written before the tasks are visited',
    seed: 6,
    file: 'sweep.ts',
    find: 'if (!dryRun) await writeCursor(rounds, { after: end, begun: alone ? [...waiting] : batch, reported }, call);',
    replace: '',
  },
  {
    rule: 'a failed round can be seen and redriven: its updates do not come back by themselves',
    file: 'ledger.ts',
    find: 'open: null,\n    totals: { ...totals,',
    replace:
      'open: null,\n    ...(failure !== undefined && { settled: new Map([...ledger.settled].slice(0, -open.updates)) }),\n    totals: { ...totals,',
  },
  {
    rule: 'never fewer than minReports unless forced',
    file: 'policy.ts',
    find: 'if (count < policy.minReports) {\n    if',
    replace: 'if (count < policy.minReports && timeoutAt > now) {\n    if',
  },
];
