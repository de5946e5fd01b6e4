import { describe, expect, test } from 'vitest';
import { parseStorageEvent } from '../../src/functions/storage-event.ts';
import { InvalidRequestError } from '../../src/errors.ts';

const TYPE = 'google.cloud.storage.object.v1.finalized';
const OBJECT = { bucket: 'b', name: 'n', generation: '7', size: '3' };
const FOUND = { kind: 'finalised', object: { bucket: 'b', name: 'n', generation: '7', size: 3 } };

const bytes = (text: string): Uint8Array => Buffer.from(text);
const HEADERS = { 'ce-type': TYPE, 'ce-specversion': '1.0', 'ce-source': '//storage', 'ce-id': '1' };
type Request = readonly [headers: Record<string, string>, body: Uint8Array];
const FORMS: Readonly<Record<string, (data: string) => Request>> = {
  binary: (data) => [HEADERS, bytes(data)],
  structured: (data) => [{}, bytes(`{"specversion":"1.0","type":"${TYPE}","data":${data}}`)],
  'structured, as base64': (data) => [
    {},
    bytes(`{"specversion":"1.0","type":"${TYPE}","data_base64":"${Buffer.from(data).toString('base64')}"}`),
  ],
};

describe.each(Object.entries(FORMS))('an event in %s mode', (_form, build) => {
  // What a device writes into the metadata of its object must not hide the object.
  test.each(['constructor', 'prototype', '__proto__', 'toString', 'x'])('with the metadata "%s"', (key) => {
    const object = JSON.stringify(OBJECT).replace(/}$/, `,"metadata":{"${key}":"x"}}`);
    expect(parseStorageEvent(...build(object))).toEqual(FOUND);
  });

  test.each(['__proto__', 'constructor'])('does not take fields from "%s"', (key) => {
    expect(() => parseStorageEvent(...build(`{"${key}":${JSON.stringify(OBJECT)}}`))).toThrow(/has no "generation"/);
  });
});

test.each([['{'], [''], ['[]'], ['null'], ['"x"'], ['{"message":{}}']])('what is no event says so: %j', (text) => {
  expect(() => parseStorageEvent({}, bytes(text))).toThrow(InvalidRequestError);
  expect(() => parseStorageEvent({}, bytes(text))).toThrow(/^The event is /);
});

const parseGeneration = (generation: string) =>
  parseStorageEvent(HEADERS, bytes(JSON.stringify({ ...OBJECT, generation })));

test('the largest int64 is a generation', () => {
  expect(parseGeneration('9223372036854775807')).toMatchObject({ object: { generation: '9223372036854775807' } });
});

test.each(['9223372036854775808', '99999999999999999999', '-1', '1e3'])('%s is not a generation', (generation) => {
  expect(() => parseGeneration(generation)).toThrow(/not an int64/);
});
