import { expect, test } from 'vitest';
import { valuesJsonSchema } from '../../src/values/schema.ts';

// After a change of the schema: npx vitest run test/values/json-schema-file.test.ts -u
test('infra/examples/values.schema.json, which editors check values files by, is the schema’s', async () => {
  const text = `${JSON.stringify(valuesJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('../../infra/examples/values.schema.json');
});
