import { InvalidRequestError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import type { AggregatorValues } from './aggregator-schema.ts';
import { quantityValue } from './kubernetes-syntax.ts';
import {
  directoryFeeds,
  parseDirectoryPattern,
  parseObjectPattern,
  parseUploadPattern,
  patternsOverlap,
  placeholdersOf,
} from './object-pattern.ts';
import type { ObjectPattern } from './object-pattern.ts';
import { MIN_ROUND_TTL_SEC } from './schema.ts';
import type { PartialList, PartialRound, ValuesInput } from './schema.ts';
import { serviceContradictions } from './service-contradictions.ts';

/** The valid parts of a document. An invalid part is absent; its issues are reported by the schema. */
export interface ReadableValues extends Pick<ValuesInput, 'aggregator' | 'repository' | 'flea' | 'schedules'> {
  readonly rounds?: readonly (PartialRound | undefined)[] | undefined;
  readonly lists?: readonly (PartialList | undefined)[] | undefined;
}

type Resources = NonNullable<AggregatorValues['resources']>;

/** A pattern and the field that contains it. */
interface Place {
  readonly path: string;
  readonly pattern: ObjectPattern;
}
/** The patterns that could be parsed, and the issues of the others. */
interface Patterns {
  readonly places: readonly Place[];
  readonly issues: readonly Issue[];
}

const DEFAULT_MAX_ATTEMPTS = 3;

/** The rules between fields that the document violates. Each issue names both fields. */
export function contradictions(values: ReadableValues): readonly Issue[] {
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
        `is ${minReports}, more than ${at}.reportGoal (${reportGoal}): a round that starts at the goal would have too few updates`,
      ),
    );
  }
  if (reportGoal !== undefined && maxReports !== undefined && maxReports < reportGoal) {
    issues.push(
      issue(
        `${at}.maxReports`,
        `is ${maxReports}, less than ${at}.reportGoal (${reportGoal}): a round could not take as many updates as its goal`,
      ),
    );
  }
  if (quietPeriodSec !== undefined && roundTimeoutSec !== undefined && quietPeriodSec > roundTimeoutSec) {
    issues.push(
      issue(
        `${at}.quietPeriodSec`,
        `is ${quietPeriodSec}, more than ${at}.roundTimeoutSec (${roundTimeoutSec}): the round timeout would always end first`,
      ),
    );
  }
  return issues;
}

function issue(path: string, message: string): Issue {
  return { path, message };
}

/** Finds patterns that overlap, output directories that match a pattern, and missing or unknown placeholders. */
function pathContradictions(values: ReadableValues): readonly Issue[] {
  const rounds = (values.rounds ?? []).map((round, index) => ({
    uploads: parsed(parseUploadPattern, `rounds[${index}].uploads`, round?.uploads),
    output: parsed(parseDirectoryPattern, `rounds[${index}].outputPath`, round?.outputPath),
    maxAttempts: round?.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
  }));
  const lists = (values.lists ?? []).map((list, index) => ({
    object: parsed(parseObjectPattern, `lists[${index}].object`, list?.object),
    output: parsed(parseDirectoryPattern, `lists[${index}].outputPath`, list?.outputPath),
  }));
  // A run's path may have other placeholders. Here they match any text, as those of patterns do.
  const run = parsed(parseDirectoryPattern, 'aggregator.outputPath', values.aggregator?.outputPath);
  const inputs = join([...rounds.map(({ uploads }) => uploads), ...lists.map(({ object }) => object)]);
  const outputs = join([...rounds.map(({ output }) => output), ...lists.map(({ output }) => output)]);
  return [
    ...inputs.issues,
    ...outputs.issues,
    ...rounds.flatMap(({ output, maxAttempts }, index) =>
      output.places.flatMap((place) => roundOutputIssues(place, index, maxAttempts)),
    ),
    ...lists.flatMap(({ object, output }) => listIssues(object.places[0], output.places[0])),
    ...overlapIssues(inputs.places),
    ...loopIssues(inputs.places, [...outputs.places, ...run.places]),
    ...sharedOutputIssues(outputs.places),
  ];
}

function parsed(
  parse: (text: string, field: string) => ObjectPattern,
  path: string,
  text: string | undefined,
): Patterns {
  if (text === undefined) return { places: [], issues: [] };
  try {
    return { places: [{ path, pattern: parse(text, path) }], issues: [] };
  } catch (error) {
    if (error instanceof InvalidRequestError) return { places: [], issues: error.issues };
    throw error;
  }
}

function join(parts: readonly Patterns[]): Patterns {
  return {
    places: parts.flatMap(({ places }) => places),
    issues: parts.flatMap(({ issues }) => issues),
  };
}

function roundOutputIssues(place: Place, index: number, maxAttempts: number): Issue[] {
  return placeholderIssues(
    place,
    ['taskId', 'round', 'attempt'],
    [
      { name: 'taskId', why: 'two tasks would write the same directory' },
      { name: 'round', why: 'each round would overwrite the previous one' },
      ...(maxAttempts > 1
        ? [
            {
              name: 'attempt',
              why: `required because rounds[${index}].maxAttempts (${maxAttempts}) is more than 1 and attempts must not share a directory`,
            },
          ]
        : []),
    ],
  );
}

/** Issues about placeholders other than `known`, and about missing ones that are `needed`. */
function placeholderIssues(
  place: Place,
  known: readonly string[],
  needed: readonly { readonly name: string; readonly why: string }[],
): Issue[] {
  const names = placeholdersOf(place.pattern);
  const unknown = names.filter((name) => !known.includes(name));
  return [
    ...unknown.map((name) => ({
      path: place.path,
      message: `has the unknown placeholder {${name}}; known here: ${braces(known)}`,
    })),
    ...needed
      .filter(({ name }) => !names.includes(name))
      .map(({ name, why }) => ({ path: place.path, message: `has no {${name}}: ${why}` })),
  ];
}

function braces(names: readonly string[]): string {
  return names.map((name) => `{${name}}`).join(', ');
}

function listIssues(object: Place | undefined, output: Place | undefined): Issue[] {
  const objectNames = object === undefined ? [] : placeholdersOf(object.pattern);
  const allowed = object === undefined ? ['taskId'] : objectNames.filter((name) => name === 'taskId');
  return [
    ...(object === undefined ? [] : placeholderIssues(object, ['taskId'], [])),
    ...(output === undefined
      ? []
      : placeholderIssues(
          output,
          allowed,
          objectNames.includes('taskId')
            ? [{ name: 'taskId', why: `the lists of two tasks (${object?.path ?? ''}) would write the same directory` }]
            : [],
        )),
  ];
}

function overlapIssues(inputs: readonly Place[]): Issue[] {
  return inputs.flatMap((place, index) =>
    inputs
      .slice(0, index)
      .filter((earlier) => patternsOverlap(earlier.pattern, place.pattern))
      .map((earlier) => ({
        path: place.path,
        message: `overlaps ${earlier.path}: one object could match both, "${place.pattern.text}" and "${earlier.pattern.text}"`,
      })),
  );
}

function loopIssues(inputs: readonly Place[], outputs: readonly Place[]): Issue[] {
  return outputs.flatMap((output) =>
    inputs
      .filter((input) => directoryFeeds(output.pattern, input.pattern))
      .map((input) => ({
        path: output.path,
        message: `could contain objects that match ${input.path} ("${input.pattern.text}"): the result would start the next aggregation, a loop`,
      })),
  );
}

function sharedOutputIssues(outputs: readonly Place[]): Issue[] {
  return outputs.flatMap((place, index) =>
    outputs
      .slice(0, index)
      .filter((earlier) => patternsOverlap(earlier.pattern, place.pattern))
      .map((earlier) => ({
        path: place.path,
        message: `can be the same directory as ${earlier.path}: use different directories`,
      })),
  );
}

function ttlContradiction(values: ReadableValues): Issue[] {
  const ttl = values.aggregator?.ttlSecondsAfterFinished;
  if (ttl === undefined || ttl >= MIN_ROUND_TTL_SEC || (values.rounds ?? []).length === 0) return [];
  const message = `is ${ttl}, less than ${MIN_ROUND_TTL_SEC} (a day), but there are rounds: a round's Job must outlive every call that may still create it`;
  return [issue('aggregator.ttlSecondsAfterFinished', message)];
}

function scheduleContradictions(values: ReadableValues): Issue[] {
  const names = (values.schedules ?? []).map(({ name }) => name);
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    return first === index
      ? []
      : [
          issue(
            `schedules[${index}].name`,
            `is the same as schedules[${first}].name ("${name}"): give each schedule its own name`,
          ),
        ];
  });
}

/** Kubernetes rejects a request above its limit. */
function resourceContradictions(resources: Resources | undefined, at: string): Issue[] {
  return Object.entries(resources?.requests ?? {}).flatMap(([name, request]) => {
    const limit = resources?.limits?.[name];
    if (limit === undefined || quantityValue(request) <= quantityValue(limit)) return [];
    return [issue(`${at}.requests.${name}`, `is ${request}, more than ${at}.limits.${name} (${limit})`)];
  });
}
