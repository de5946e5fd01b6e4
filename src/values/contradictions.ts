import type * as z from 'zod';
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
import type { PartialListSchema, PartialRoundSchema } from './rounds-schema.ts';

type Round = z.infer<typeof PartialRoundSchema>;
type Resources = NonNullable<AggregatorValues['resources']>;

/** The valid fields of a document. */
interface ReadableValues {
  readonly aggregator?: AggregatorValues | undefined;
  readonly rounds?: readonly Round[] | undefined;
  readonly lists?: readonly z.infer<typeof PartialListSchema>[] | undefined;
  readonly schedules?: readonly { readonly name: string }[] | undefined;
}

/** A pattern and the field that contains it. */
interface Place {
  readonly path: string;
  readonly pattern: ObjectPattern;
}

const DEFAULT_MAX_ATTEMPTS = 3;
/** A round's Job must outlive every function instance that may still create it: the smallest `ttlSecondsAfterFinished` with rounds. */
const MIN_ROUND_TTL_SEC = 86_400;

/** The rules between fields that the document violates. Each issue names both fields. */
export function contradictions(values: ReadableValues): readonly Issue[] {
  return [
    ...(values.rounds ?? []).flatMap((round, index) => reportContradictions(round, `rounds[${index}]`)),
    ...taskIdContradictions(values),
    ...pathContradictions(values),
    ...ttlContradiction(values),
    ...scheduleContradictions(values),
    ...resourceContradictions(values.aggregator?.resources, 'aggregator.resources'),
  ];
}

function reportContradictions(round: Round, at: string): Issue[] {
  function unlessOrdered(small: keyof Round, large: keyof Round, faulty: keyof Round, consequence: string): Issue[] {
    const [least, most] = [round[small], round[large]];
    if (least === undefined || most === undefined || least <= most) return [];
    const [other, comparison] = faulty === small ? [large, 'more'] : [small, 'less'];
    const message = `is ${round[faulty]}, ${comparison} than ${at}.${other} (${round[other]}): ${consequence}`;
    return [{ path: `${at}.${faulty}`, message }];
  }
  const tooFew = 'a round that starts at the goal would have too few updates';
  const tooMany = 'a round could not take as many updates as its goal';
  const never = 'the round timeout would always end first';
  return [
    ...unlessOrdered('minReports', 'reportGoal', 'minReports', tooFew),
    ...unlessOrdered('reportGoal', 'maxReports', 'maxReports', tooMany),
    ...unlessOrdered('quietPeriodSec', 'roundTimeoutSec', 'quietPeriodSec', never),
  ];
}

/** The state of a task belongs to one entry of `rounds[]`: two entries with one prefix could have the same task id. */
function taskIdContradictions({ rounds = [] }: ReadableValues): Issue[] {
  const prefixes = rounds.map(({ uploads, taskIdPrefix = '' }) => (uploads === undefined ? null : taskIdPrefix));
  return prefixes.flatMap((prefix, index) => {
    const first = prefixes.indexOf(prefix);
    if (prefix === null || first === index) return [];
    const message =
      `is the same as rounds[${first}].taskIdPrefix ("${prefix}"): updates under both patterns could have the same task id, and ` +
      `those of one pattern would be lost. Set another one, as in "ios-": the tasks of this pattern are then ios-<taskId>`;
    return [{ path: `rounds[${index}].taskIdPrefix`, message }];
  });
}

/** Finds patterns that overlap, output directories that match a pattern, and missing or unknown placeholders. */
function pathContradictions(values: ReadableValues): readonly Issue[] {
  const issues: Issue[] = [];
  function place(parse: typeof parseObjectPattern, path: string, text: string | undefined): Place[] {
    if (text === undefined) return [];
    try {
      return [{ path, pattern: parse(text, path) }];
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      issues.push(...error.issues);
      return [];
    }
  }
  const rounds = (values.rounds ?? []).map((round, index) => ({
    input: place(parseUploadPattern, `rounds[${index}].uploads`, round.uploads),
    output: place(parseDirectoryPattern, `rounds[${index}].outputPath`, round.outputPath),
    maxAttempts: round.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
  }));
  const lists = (values.lists ?? []).map((list, index) => ({
    input: place(parseObjectPattern, `lists[${index}].object`, list.object),
    output: place(parseDirectoryPattern, `lists[${index}].outputPath`, list.outputPath),
  }));
  // A run's path may have other placeholders. Here they match any text, as those of patterns do.
  const run = place(parseDirectoryPattern, 'aggregator.outputPath', values.aggregator?.outputPath);
  const inputs = [...rounds, ...lists].flatMap(({ input }) => input);
  const outputs = [...rounds, ...lists].flatMap(({ output }) => output);
  return [
    ...issues,
    ...rounds.flatMap(({ output, maxAttempts }, index) =>
      output.flatMap((directory) => roundOutputIssues(directory, index, maxAttempts)),
    ),
    ...lists.flatMap(({ input, output }) => listIssues(input[0], output[0])),
    ...sharedIssues(
      inputs,
      (place, earlier) =>
        `overlaps ${earlier.path}: one object could match both, "${place.pattern.text}" and "${earlier.pattern.text}"`,
    ),
    ...loopIssues(inputs, [...outputs, ...run]),
    ...sharedIssues(outputs, (_, earlier) => `can be the same directory as ${earlier.path}: use different directories`),
  ];
}

function roundOutputIssues(place: Place, index: number, maxAttempts: number): Issue[] {
  return placeholderIssues(place, ['taskId', 'round', 'attempt'], {
    taskId: 'two tasks would write the same directory',
    round: 'each round would overwrite the previous one',
    ...(maxAttempts > 1 && {
      attempt: `required because rounds[${index}].maxAttempts (${maxAttempts}) is more than 1 and attempts must not share a directory`,
    }),
  });
}

function listIssues(object: Place | undefined, output: Place | undefined): Issue[] {
  const hasTask = object !== undefined && placeholdersOf(object.pattern).includes('taskId');
  const why = `the lists of two tasks (${object?.path}) would write the same directory`;
  return [
    ...(object === undefined ? [] : placeholderIssues(object, ['taskId'])),
    ...(output === undefined
      ? []
      : placeholderIssues(output, object === undefined || hasTask ? ['taskId'] : [], hasTask ? { taskId: why } : {})),
  ];
}

/** Issues about placeholders other than `known`, and about missing ones that are `needed`, each with the reason. */
function placeholderIssues(
  { path, pattern }: Place,
  known: readonly string[],
  needed: Readonly<Record<string, string>> = {},
): Issue[] {
  const names = placeholdersOf(pattern);
  const braces = known.map((name) => `{${name}}`).join(', ');
  return [
    ...names
      .filter((name) => !known.includes(name))
      .map((name) => ({ path, message: `has the unknown placeholder {${name}}; known here: ${braces}` })),
    ...Object.entries(needed)
      .filter(([name]) => !names.includes(name))
      .map(([name, why]) => ({ path, message: `has no {${name}}: ${why}` })),
  ];
}

/** One issue for each two places whose patterns can match the same name. */
function sharedIssues(places: readonly Place[], message: (place: Place, earlier: Place) => string): Issue[] {
  return places.flatMap((place, index) =>
    places
      .slice(0, index)
      .filter((earlier) => patternsOverlap(earlier.pattern, place.pattern))
      .map((earlier) => ({ path: place.path, message: message(place, earlier) })),
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

function ttlContradiction(values: ReadableValues): Issue[] {
  const ttl = values.aggregator?.ttlSecondsAfterFinished;
  if (ttl === undefined || ttl >= MIN_ROUND_TTL_SEC || (values.rounds ?? []).length === 0) return [];
  const message = `is ${ttl}, less than ${MIN_ROUND_TTL_SEC} (a day), but there are rounds: a round's Job must outlive every call that may still create it`;
  return [{ path: 'aggregator.ttlSecondsAfterFinished', message }];
}

function scheduleContradictions(values: ReadableValues): Issue[] {
  const names = (values.schedules ?? []).map(({ name }) => name);
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    const message = `is the same as schedules[${first}].name ("${name}"): give each schedule its own name`;
    return first === index ? [] : [{ path: `schedules[${index}].name`, message }];
  });
}

/** Kubernetes rejects a request above its limit. */
function resourceContradictions(resources: Resources | undefined, at: string): Issue[] {
  return Object.entries(resources?.requests ?? {}).flatMap(([name, request]) => {
    const limit = resources?.limits?.[name];
    if (limit === undefined || quantityValue(request) <= quantityValue(limit)) return [];
    return [{ path: `${at}.requests.${name}`, message: `is ${request}, more than ${at}.limits.${name} (${limit})` }];
  });
}
