import { isDeepStrictEqual } from 'node:util';
import { fieldsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import type { Draft, KubeObject } from '../types.ts';
import { forbiddenField, immutable, invalidValue, required, tooLong } from './faults.ts';
import { configKeyFaults } from './names.ts';

const limitBytes = 1024 * 1024;

/** The required keys of each type of Secret. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};
const accountAnnotation = 'kubernetes.io/service-account.name';

const frozen = 'field is immutable when `immutable` is set';

export function checkConfigMap(faults: Faults, draft: Draft): void {
  const data = fieldsAt(draft, 'data');
  const binary = fieldsAt(draft, 'binaryData');
  checkKeys(faults, 'data', data);
  for (const key of Object.keys(data)) {
    if (Object.hasOwn(binary, key))
      faults.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
  }
  checkKeys(faults, 'binaryData', binary);
  if (textBytes(data) + decodedBytes(binary) > limitBytes) faults.push(tooLong('[]', limitBytes));
}

function checkKeys(faults: Faults, path: string, data: Fields): void {
  for (const key of Object.keys(data))
    for (const fault of configKeyFaults(key)) faults.push(invalidValue(`${path}[${key}]`, key, fault));
}

function textBytes(data: Fields): number {
  return Object.values(data).reduce(
    (sum: number, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 0),
    0,
  );
}

function decodedBytes(data: Fields): number {
  return Object.values(data).reduce(
    (sum: number, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value, 'base64') : 0),
    0,
  );
}

export function checkSecret(faults: Faults, draft: Draft): void {
  const data = fieldsAt(draft, 'data');
  const type = stringAt(draft, 'type');
  checkKeys(faults, 'data', data);
  if (decodedBytes(data) > limitBytes) faults.push(tooLong('data', limitBytes));
  for (const key of requiredKeys[type] ?? []) checkKey(faults, data, key);
  if (type === 'kubernetes.io/basic-auth' && data['username'] === undefined && data['password'] === undefined) {
    faults.push(required('data[username]'), required('data[password]'));
  }
  if (
    type === 'kubernetes.io/service-account-token' &&
    stringAt(draft.metadata, 'annotations', accountAnnotation) === ''
  ) {
    faults.push(required(`metadata.annotations[${accountAnnotation}]`));
  }
}

function checkKey(faults: Faults, data: Fields, key: string): void {
  const value = data[key];
  if (typeof value !== 'string') faults.push(required(`data[${key}]`));
  else if (key.startsWith('.docker') && !isJson(Buffer.from(value, 'base64').toString())) {
    // The value is a credential: it is not repeated.
    faults.push(invalidValue(`data[${key}]`, '<secret contents redacted>', 'invalid character'));
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** An immutable object and its mark cannot change, and neither can the type of a Secret. */
export function checkDataUpdate(faults: Faults, draft: Draft, old: KubeObject): void {
  const before: Fields = { ...old };
  if (old.kind === 'Secret' && draft['type'] !== before['type'])
    faults.push(invalidValue('type', draft['type'], immutable));
  if (before['immutable'] !== true) return;
  if (draft['immutable'] !== true) faults.push(forbiddenField('immutable', frozen));
  for (const field of ['data', 'binaryData']) {
    if (!isDeepStrictEqual(draft[field], before[field])) faults.push(forbiddenField(field, frozen));
  }
}
