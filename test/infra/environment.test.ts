import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CONFIGURATION_DOCUMENT, configurationDocument } from '../../infra/scripts/configuration-docs.ts';
import { EnvironmentSchema } from '../../src/config.ts';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

const found = (text: string, pattern: RegExp): string[] =>
  [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].toSorted();

/** Variables that Terraform does not set, each with the reason. */
const NOT_DEPLOYED: Readonly<Record<string, string>> = {
  GKE_API_ENDPOINT: 'replaces the GKE API in the local stack',
  STORAGE_API_ENDPOINT: 'replaces Cloud Storage in the local stack; no credentials are sent to it',
  KUBECONFIG: 'a function has no files except its bundle',
  KUBECONFIG_CONTEXT: 'belongs to KUBECONFIG',
  VALUES_FILE: 'a function has no files except its bundle',
  VALUES: 'VALUES_URI takes effect without a new revision',
};
/** Set for the platform; the functions do not read them. */
const PLATFORM_VARIABLES = ['LOG_EXECUTION_ID'];

const known = Object.keys(EnvironmentSchema.shape).toSorted();
const deployed = [...known.filter((name) => !(name in NOT_DEPLOYED)), ...PLATFORM_VARIABLES].toSorted();

test('every variable that is not deployed is in the schema', () => {
  expect(Object.keys(NOT_DEPLOYED).filter((name) => !known.includes(name))).toEqual([]);
});

test('Terraform sets every variable that is deployed, and no other', () => {
  expect(found(read('infra/terraform/environment.tf'), /^ +([A-Z][A-Z_]+) += /gm)).toEqual(deployed);
});

test('docs/configuration.md describes every variable (npm run docs writes it)', () => {
  const document = readFileSync(CONFIGURATION_DOCUMENT, 'utf8');
  expect(found(document, /^- `([A-Z][A-Z_]+)`/gm)).toEqual(known);
  expect(document.split(/\s+/)).toEqual(configurationDocument().split(/\s+/));
});
