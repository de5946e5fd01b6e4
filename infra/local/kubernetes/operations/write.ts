import { randomBytes } from 'node:crypto';
import type { Fields } from '../json.ts';
import { apiVersionOf } from '../resources/resource.ts';
import type { Faults, Resource } from '../resources/resource.ts';
import { conform } from '../schema/conform.ts';
import { invalid } from '../status.ts';
import { asDraft } from '../types.ts';
import type { Draft } from '../types.ts';

/** Who writes, and how. */
export interface WriteOptions {
  /** The field manager. */
  readonly manager: string;
  readonly dryRun: boolean;
  readonly subresource?: 'status' | 'scale' | 'binding' | 'ephemeralcontainers';
}

// Without vowels and look-alikes, as in k8s.io/apimachinery/pkg/util/rand.
export const randomAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const longestGeneratedBase = 58;

/** Returns an object in the canonical form of its schema, with kind and apiVersion first. */
export function canonical(resource: Resource, fields: Fields): Draft {
  return asDraft({
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    ...conform(resource.struct, fields, { kind: resource.kind, unknownFields: [] }),
  });
}

export function throwIfFaulty(resource: Resource, name: string, faults: Faults): void {
  if (faults.length > 0) throw invalid(resource.kind, resource.group, name, faults);
}

/** Five random characters that make a name unique. */
export function randomSuffix(): string {
  return [...randomBytes(5)].map((byte) => randomAlphabet[byte % randomAlphabet.length]).join('');
}

export function generateName(base: string): string {
  return `${base.slice(0, longestGeneratedBase)}${randomSuffix()}`;
}
