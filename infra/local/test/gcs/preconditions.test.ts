import { describe, expect, test } from 'vitest';
import type { Preconditions, Verdict } from '../../gcs/preconditions.ts';
import { checkPreconditions, parsePreconditions } from '../../gcs/preconditions.ts';

const object = { generation: 7, metageneration: 2 };

describe('preconditions', () => {
  // https://cloud.google.com/storage/docs/request-preconditions
  test.each<[Preconditions, onObject: Verdict, onNone: Verdict]>([
    [{}, 'met', 'met'],
    [{ generationMatch: 7n }, 'met', 'failed'],
    [{ generationMatch: 6n }, 'failed', 'failed'],
    [{ generationMatch: 0n }, 'failed', 'met'],
    [{ generationNotMatch: 7n }, 'not-modified', 'not-modified'],
    [{ generationNotMatch: 6n }, 'met', 'not-modified'],
    [{ generationNotMatch: 0n }, 'met', 'not-modified'],
    [{ metagenerationMatch: 2n }, 'met', 'failed'],
    [{ metagenerationMatch: 1n }, 'failed', 'failed'],
    [{ metagenerationNotMatch: 2n }, 'not-modified', 'not-modified'],
    [{ metagenerationNotMatch: 1n }, 'met', 'not-modified'],
    [{ generationMatch: 7n, metagenerationMatch: 2n }, 'met', 'failed'],
    [{ generationMatch: 7n, metagenerationMatch: 1n }, 'failed', 'failed'],
    [{ generationMatch: 6n, generationNotMatch: 7n }, 'failed', 'failed'],
    [{ generationMatch: 7n, metagenerationNotMatch: 2n }, 'not-modified', 'failed'],
    [{ generationNotMatch: 6n, metagenerationNotMatch: 1n }, 'met', 'not-modified'],
    [{ generationMatch: 0n, generationNotMatch: 0n }, 'failed', 'not-modified'],
  ])('%o on an object: %s, on none: %s', (conditions, onObject, onNone) => {
    expect(checkPreconditions(conditions, object, 'read')).toBe(onObject);
    expect(checkPreconditions(conditions, null, 'read')).toBe(onNone);
    function asWrite(verdict: Verdict): Verdict {
      return verdict === 'not-modified' ? 'failed' : verdict;
    }
    expect(checkPreconditions(conditions, object, 'write')).toBe(asWrite(onObject));
    expect(checkPreconditions(conditions, null, 'write')).toBe(asWrite(onNone));
  });

  test('are read from the parameters, those of a source by their prefix', () => {
    const query = new URLSearchParams('ifGenerationMatch=0&ifMetagenerationNotMatch=12&ifSourceGenerationNotMatch=3');
    expect(parsePreconditions(query)).toEqual({ generationMatch: 0n, metagenerationNotMatch: 12n });
    expect(parsePreconditions(query, 'ifSource')).toEqual({ generationNotMatch: 3n });
  });

  test.each(['', '-1', '1.5', 'x', '0x1', '12345678901234567890'])('%j is refused with 400', (value) => {
    const query = new URLSearchParams({ ifGenerationMatch: value });
    expect(() => parsePreconditions(query)).toThrow(expect.objectContaining({ status: 400 }));
  });
});
