import { readFileSync } from 'node:fs';
import { mergeValues } from '../../src/values/merge.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { parseDocument } from '../../src/values/parse-document.ts';
import type { Values } from '../../src/values/parse-values.ts';
import { parseValues } from '../../src/values/parse-values.ts';

export type Example = 'basic' | 'gcs' | 'aggregator' | 'checkSecrets';

/** The document of one of the example files. */
export const exampleDocument = (name: Example): JsonObject =>
  parseDocument(readFileSync(new URL(`../../infra/examples/values.${name}.yaml`, import.meta.url)));

/** Its values, with `over` laid over them. */
export const exampleValues = (name: Example, over: JsonObject = {}): Values =>
  parseValues(mergeValues(exampleDocument(name), over));
