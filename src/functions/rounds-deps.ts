import type { V1Job } from '@kubernetes/client-node';
import { allowedJobIssues } from '../jobs/allowed.ts';
import { attemptPodSelector, attemptSecrets, buildAttempt } from '../rounds/attempt-spec.ts';
import type { LaunchDeps } from '../runs/finish.ts';
import type { SpecDefaults } from '../jobs/build-spec.ts';
import { UpstreamError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createCoalescer } from '../rounds/coalesce.ts';
import type { RoundsDeps } from '../rounds/deps.ts';
import { createLedgerStore } from '../rounds/ledger-store.ts';
import { parseUploadPattern } from '../values/object-pattern.ts';
import type { RoundPolicy } from '../rounds/policy.ts';
import { assertSecrets } from '../jobs/missing-secrets.ts';
import { explainJob, plainSentence } from '../jobs/explain.ts';
import type { JsonObject } from '../values/json.ts';
import type { Values } from '../values/parse-values.ts';

/** Configuration's values, as written and as read. */
export interface ConfiguredValues {
  readonly document: JsonObject;
  readonly values: Values;
}

export interface RoundsWiring {
  readonly launch: LaunchDeps;
  readonly log: Log;
  readonly defaults: SpecDefaults;
  readonly configured: (signal?: AbortSignal) => Promise<ConfiguredValues>;
}

/** The dependencies of rounds, from those of a launch and the configured values. */
export function createRoundsDeps({ launch, log, defaults, configured }: RoundsWiring): RoundsDeps {
  // A look at a task begins with its policies; what is built in it is built from the same values.
  let latest: Values | undefined;
  function values(): Values {
    if (latest === undefined) throw new Error('the policies are asked for first');
    return latest;
  }
  return {
    store: launch.store,
    cluster: launch.cluster,
    now: launch.now,
    log,
    stateUri: launch.stateUri,
    policies: async (call) => {
      latest = (await configured(call?.signal)).values;
      return policiesOf(latest);
    },
    buildJob: (input) => buildAttempt(values(), defaults, input),
    podSelector: attemptPodSelector,
    explain: (job, pods) => {
      const facts = { job, pods, events: [] };
      return explainJob(facts)?.why ?? plainSentence(facts);
    },
    preflight: async (job, call) => {
      assertAllowed(launch, job);
      await assertSecrets(launch.cluster, attemptSecrets(values(), job), call?.signal);
    },
    ledgers: createLedgerStore(launch.store, launch.stateUri),
    coalescer: createCoalescer(),
  };
}

function policiesOf(values: Values): RoundPolicy[] {
  return values.rounds.map((round, index) => ({
    ...round,
    uploads: parseUploadPattern(round.uploads, `rounds[${index}].uploads`),
  }));
}

function assertAllowed(launch: LaunchDeps, job: V1Job): void {
  const issues = allowedJobIssues(launch.allowed, job);
  if (issues.length === 0) return;
  const told = issues.map(({ message }) => message).join('; ');
  throw new UpstreamError(
    `Configuration does not allow the Job of a round: ${told}. Change the configured values, or what is allowed.`,
  );
}
