import { InvalidRequestError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import type { ObjectPattern } from './object-pattern.ts';
import {
  directoryFeeds,
  parseDirectoryPattern,
  parseObjectPattern,
  parseUploadPattern,
  patternsOverlap,
  placeholdersOf,
} from './object-pattern.ts';
import type { SoundValues } from './contradictions.ts';

interface Place {
  readonly path: string;
  readonly pattern: ObjectPattern;
}
interface Found {
  readonly places: readonly Place[];
  readonly issues: readonly Issue[];
}

const DEFAULT_MAX_ATTEMPTS = 3;

/** Patterns that overlap, outputs that feed them, placeholders that lack or do not belong. */
export function pathContradictions(values: SoundValues): readonly Issue[] {
  const rounds = (values.rounds ?? []).map((round, index) => ({
    uploads: read(parseUploadPattern, `rounds[${index}].uploads`, round?.uploads),
    output: read(parseDirectoryPattern, `rounds[${index}].outputPath`, round?.outputPath),
    maxAttempts: round?.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
  }));
  const lists = (values.lists ?? []).map((list, index) => ({
    object: read(parseObjectPattern, `lists[${index}].object`, list?.object),
    output: read(parseDirectoryPattern, `lists[${index}].outputPath`, list?.outputPath),
  }));
  // A run's path may have placeholders of its own; they match anything, as those of patterns do.
  const run = read(parseDirectoryPattern, 'aggregator.outputPath', values.aggregator?.outputPath);
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

function read(parse: (text: string, field: string) => ObjectPattern, path: string, text: string | undefined): Found {
  if (text === undefined) return { places: [], issues: [] };
  try {
    return { places: [{ path, pattern: parse(text, path) }], issues: [] };
  } catch (error) {
    if (error instanceof InvalidRequestError) return { places: [], issues: error.issues };
    throw error;
  }
}

function join(found: readonly Found[]): Found {
  return {
    places: found.flatMap(({ places }) => places),
    issues: found.flatMap(({ issues }) => issues),
  };
}

function roundOutputIssues(place: Place, index: number, maxAttempts: number): Issue[] {
  return placeholderIssues(
    place,
    ['taskId', 'round', 'attempt'],
    [
      { name: 'taskId', why: 'two tasks would write the same directory' },
      { name: 'round', why: 'a round would overwrite the one before' },
      ...(maxAttempts > 1
        ? [
            {
              name: 'attempt',
              why: `needed where rounds[${index}].maxAttempts (${maxAttempts}) is more than 1, for attempts never share a directory`,
            },
          ]
        : []),
    ],
  );
}

/** The placeholders that a path may have (`known`) and must have (`needed`, each with why). */
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
      message: `has {${name}}, which is not known here; known: ${braces(known)}`,
    })),
    ...needed
      .filter(({ name }) => !names.includes(name))
      .map(({ name, why }) => ({ path: place.path, message: `lacks {${name}}: ${why}` })),
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
        message: `could hold objects that match ${input.path} ("${input.pattern.text}"): what is written would start the next aggregation, a loop`,
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
        message: `can be the same directory as ${earlier.path}: give each its own`,
      })),
  );
}
