import { badRequest, notModified, preconditionFailed } from './errors.ts';

/** The preconditions of a request on the object, or on the source (`ifSource...`). */
export interface Preconditions {
  readonly generationMatch?: bigint;
  readonly generationNotMatch?: bigint;
  readonly metagenerationMatch?: bigint;
  readonly metagenerationNotMatch?: bigint;
}

export interface Versions {
  readonly generation: number;
  readonly metageneration: number;
}

export type Verdict = 'met' | 'failed' | 'not-modified';

/**
 * Whether `object` (null: no live object) meets all of `conditions`.
 *
 * A generation match of 0 requires that no live object exists; a not-match fails without one. A failed match
 * is `failed` (412); a failed not-match is `not-modified` for a read (304) and `failed` for a write.
 * https://cloud.google.com/storage/docs/request-preconditions and the parameters of objects.insert.
 */
export function checkPreconditions(
  conditions: Preconditions,
  object: Versions | null,
  access: 'read' | 'write',
): Verdict {
  const generation = object === null ? 0n : BigInt(object.generation);
  const metageneration = object === null ? null : BigInt(object.metageneration);
  const matches =
    (conditions.generationMatch === undefined || conditions.generationMatch === generation) &&
    (conditions.metagenerationMatch === undefined || conditions.metagenerationMatch === metageneration);
  if (!matches) return 'failed';
  const differs =
    (conditions.generationNotMatch === undefined ||
      (object !== null && conditions.generationNotMatch !== generation)) &&
    (conditions.metagenerationNotMatch === undefined ||
      (object !== null && conditions.metagenerationNotMatch !== metageneration));
  if (differs) return 'met';
  return access === 'read' ? 'not-modified' : 'failed';
}

/** Throws 412 or 304 unless {@link checkPreconditions} says `met`. */
export function requirePreconditions(
  conditions: Preconditions,
  object: Versions | null,
  access: 'read' | 'write',
): void {
  const verdict = checkPreconditions(conditions, object, access);
  if (verdict === 'failed') throw preconditionFailed();
  if (verdict === 'not-modified') throw notModified();
}

/** Reads `ifGenerationMatch` and its siblings, or with the prefix `ifSource` those of a source. Throws 400. */
export function parsePreconditions(query: URLSearchParams, prefix: 'if' | 'ifSource' = 'if'): Preconditions {
  const generationMatch = parseInt64(query, `${prefix}GenerationMatch`);
  const generationNotMatch = parseInt64(query, `${prefix}GenerationNotMatch`);
  const metagenerationMatch = parseInt64(query, `${prefix}MetagenerationMatch`);
  const metagenerationNotMatch = parseInt64(query, `${prefix}MetagenerationNotMatch`);
  return {
    ...(generationMatch !== undefined && { generationMatch }),
    ...(generationNotMatch !== undefined && { generationNotMatch }),
    ...(metagenerationMatch !== undefined && { metagenerationMatch }),
    ...(metagenerationNotMatch !== undefined && { metagenerationNotMatch }),
  };
}

function parseInt64(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,19}$/.test(text))
    throw badRequest(`Invalid value for ${name}: "${text.slice(0, 40)}" is not an integer.`);
  return BigInt(text);
}

/** The generation a request names, or null for the live one. Throws 400. */
export function parseGeneration(query: URLSearchParams, name = 'generation'): bigint | null {
  return parseInt64(query, name) ?? null;
}
