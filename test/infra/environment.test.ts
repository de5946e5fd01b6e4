import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EnvironmentSchema } from '../../src/config.ts';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

const found = (text: string, pattern: RegExp): string[] =>
  [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].toSorted();

/** Not for a function on Google Cloud, each for its reason: the local stack, tests, or another variable does it better. */
const NOT_DEPLOYED: Readonly<Record<string, string>> = {
  GKE_API_ENDPOINT: 'stands in for the GKE API in the local stack',
  STORAGE_API_ENDPOINT: 'stands in for Cloud Storage in the local stack; no credentials are sent to it',
  KUBECONFIG: 'a file, and a function has none but its bundle',
  KUBECONFIG_CONTEXT: 'goes with KUBECONFIG',
  VALUES_FILE: 'a file, and a function has none but its bundle',
  VALUES: 'VALUES_URI takes effect without a new revision',
};
/** Set for the platform, not read by the functions. */
const OF_THE_PLATFORM = ['LOG_EXECUTION_ID'];

const known = Object.keys(EnvironmentSchema.shape).toSorted();
const deployed = [...known.filter((name) => !(name in NOT_DEPLOYED)), ...OF_THE_PLATFORM].toSorted();

test('every variable that is not deployed is one of the functions', () => {
  expect(Object.keys(NOT_DEPLOYED).filter((name) => !known.includes(name))).toEqual([]);
});

test('Terraform sets every variable that is deployed, and no other', () => {
  expect(found(read('infra/terraform/environment.tf'), /^ +([A-Z][A-Z_]+) += /gm)).toEqual(deployed);
});

test('the table in README.md tells of every variable', () => {
  const [, section = ''] = /^## Configuration\n(.*?)(?=^## )/ms.exec(read('README.md')) ?? [];
  expect(found(section, /^\| *`([A-Z][A-Z_]+)` *\|/gm)).toEqual(known);
});
