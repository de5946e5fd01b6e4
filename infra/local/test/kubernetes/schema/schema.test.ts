import * as clientNode from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { structNames, structOf } from '../../../kubernetes/schema/schema.ts';

interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
}

interface Model {
  readonly getAttributeTypeMap: () => readonly Attribute[];
}

const models: Readonly<Record<string, unknown>> = { ...clientNode };

/** Of an older or newer version than the table. */
const exceptions: Readonly<Record<string, readonly string[]>> = {};

function isModel(value: unknown): value is Model {
  return typeof value === 'function' && 'getAttributeTypeMap' in value;
}

/** The client library's model of a Go type: `core.Event` is CoreV1Event there, `core.Pod` is V1Pod. */
function modelOf(struct: string): Model | undefined {
  const [group = '', name = ''] = struct.split('.');
  const prefixes = ['V1', `${group.charAt(0).toUpperCase()}${group.slice(1)}V1`];
  return prefixes.map((prefix) => models[`${prefix}${name}`]).find(isModel);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

describe('the schema table', () => {
  test('has every type that it refers to', () => {
    for (const name of structNames()) expect(() => structOf(name)).not.toThrow();
  });

  test('and the models of @kubernetes/client-node have the same fields', () => {
    const compared = structNames().flatMap((name) => {
      const model = modelOf(name);
      if (model === undefined) return [];
      const theirs = model.getAttributeTypeMap().map((attribute) => attribute.baseName);
      const known = theirs.filter((field) => field !== 'apiVersion' && field !== 'kind');
      const ours = [...structOf(name).fields.keys()].filter((field) => field !== 'apiVersion' && field !== 'kind');
      const skipped = exceptions[name] ?? [];
      return [
        {
          name,
          ours: ours.filter((field) => !skipped.includes(field)).toSorted(byText),
          theirs: known.filter((field) => !skipped.includes(field)).toSorted(byText),
        },
      ];
    });
    expect(compared.length).toBeGreaterThan(200);
    for (const { name, ours, theirs } of compared) expect({ name, fields: ours }).toEqual({ name, fields: theirs });
  });
});
