import { isDeepStrictEqual } from 'node:util';
import { fieldsAt, omit } from '../../json.ts';
import type { Fields } from '../../json.ts';
import { randomAlphabet } from '../../operations/write.ts';
import { hashLabel } from './views.ts';

/**
 * The value of the label pod-template-hash: FNV-1a of the template, in letters that spell no words. It has the form of
 * the real one (ComputeHash of pkg/controller/controller_utils.go), not its value: that one hashes Go's own memory.
 */
export function templateHash(template: Fields, collisionCount: number | undefined): string {
  let hash = 0x811c9dc5;
  const text = `${JSON.stringify(template)}${collisionCount === undefined ? '' : ` ${collisionCount}`}`;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return Array.from(Buffer.from(`${hash}`), (digit) => randomAlphabet[digit % randomAlphabet.length]).join('');
}

/** Whether two templates make the same pods, apart from the label with the template's hash. */
export function isSameTemplate(a: Fields, b: Fields): boolean {
  return isDeepStrictEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: Fields): Fields {
  const metadata = fieldsAt(template, 'metadata');
  return { ...template, metadata: { ...metadata, labels: omit(fieldsAt(metadata, 'labels'), hashLabel) } };
}
