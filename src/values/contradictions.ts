import type { Issue } from '../errors.ts';
import type { AggregatorValues } from './aggregator-schema.ts';
import { quantityValue } from './kubernetes-syntax.ts';
import type { PartialList, PartialRound } from './rounds-schema.ts';
import { MIN_ROUND_TTL_SEC } from './rounds-schema.ts';
import type { ValuesInput } from './schema.ts';
import { pathContradictions } from './path-contradictions.ts';
import { serviceContradictions } from './service-contradictions.ts';

/** What could be read of a document; where a part is faulty it is left out, and told of already. */
export interface SoundValues extends Pick<ValuesInput, 'aggregator' | 'repository' | 'flea' | 'schedules'> {
  readonly rounds?: readonly (PartialRound | undefined)[] | undefined;
  readonly lists?: readonly (PartialList | undefined)[] | undefined;
}

type Resources = NonNullable<AggregatorValues['resources']>;

/** All rules between fields that the document breaks, each naming both fields. */
export function contradictions(values: SoundValues): readonly Issue[] {
  return [
    ...(values.rounds ?? []).flatMap((round, index) =>
      round === undefined ? [] : reportContradictions(round, `rounds[${index}]`),
    ),
    ...pathContradictions(values),
    ...ttlContradiction(values),
    ...scheduleContradictions(values),
    ...resourceContradictions(values.aggregator?.resources, 'aggregator.resources'),
    ...resourceContradictions(values.repository?.deployment?.resources, 'repository.deployment.resources'),
    ...resourceContradictions(values.flea?.deployment?.resources, 'flea.deployment.resources'),
    ...serviceContradictions(values),
  ];
}

function reportContradictions(round: PartialRound, at: string): Issue[] {
  const { reportGoal, minReports, maxReports, quietPeriodSec, roundTimeoutSec } = round;
  const issues: Issue[] = [];
  if (reportGoal !== undefined && minReports !== undefined && minReports > reportGoal) {
    issues.push(
      issue(
        `${at}.minReports`,
        `is ${minReports}, more than ${at}.reportGoal (${reportGoal}): a round that starts at the goal would have too few`,
      ),
    );
  }
  if (reportGoal !== undefined && maxReports !== undefined && maxReports < reportGoal) {
    issues.push(
      issue(
        `${at}.maxReports`,
        `is ${maxReports}, less than ${at}.reportGoal (${reportGoal}): no round could hold its goal`,
      ),
    );
  }
  if (quietPeriodSec !== undefined && roundTimeoutSec !== undefined && quietPeriodSec > roundTimeoutSec) {
    issues.push(
      issue(
        `${at}.quietPeriodSec`,
        `is ${quietPeriodSec}, more than ${at}.roundTimeoutSec (${roundTimeoutSec}): it would never be reached`,
      ),
    );
  }
  return issues;
}

function issue(path: string, message: string): Issue {
  return { path, message };
}

function ttlContradiction(values: SoundValues): Issue[] {
  const ttl = values.aggregator?.ttlSecondsAfterFinished;
  if (ttl === undefined || ttl >= MIN_ROUND_TTL_SEC || (values.rounds ?? []).length === 0) return [];
  const message = `is ${ttl}, less than ${MIN_ROUND_TTL_SEC} (a day), beside rounds: a round's Job must outlive every call that may still create it`;
  return [issue('aggregator.ttlSecondsAfterFinished', message)];
}

function scheduleContradictions(values: SoundValues): Issue[] {
  const names = (values.schedules ?? []).map(({ name }) => name);
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    return first === index
      ? []
      : [issue(`schedules[${index}].name`, `is the same as schedules[${first}].name ("${name}"): give each its own`)];
  });
}

/** Kubernetes refuses a request above its limit. */
function resourceContradictions(resources: Resources | undefined, at: string): Issue[] {
  return Object.entries(resources?.requests ?? {}).flatMap(([name, request]) => {
    const limit = resources?.limits?.[name];
    if (limit === undefined || quantityValue(request) <= quantityValue(limit)) return [];
    return [issue(`${at}.requests.${name}`, `is ${request}, more than ${at}.limits.${name} (${limit})`)];
  });
}
