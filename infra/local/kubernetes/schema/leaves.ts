import { isFields, isList } from '../json.ts';
import { decodeError, unmarshalMessage } from './decode-errors.ts';
import type { Decoding, Place } from './decode-errors.ts';
import { canonicalQuantity } from './quantity.ts';
import type { Leaf, Type } from './schema.ts';
import { canonicalMicroTime, canonicalTime } from './time.ts';

export interface LeafContext {
  readonly decoding: Decoding;
  /** The struct that holds the field. */
  readonly owner: string;
}

/** What `omitempty` leaves out. */
export function isZero(type: Type, value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (type.kind === 'list') return isList(value) && value.length === 0;
  return type.kind === 'map' && isFields(value) && Object.keys(value).length === 0;
}

/** Returns the leaf as the API server writes it. Throws 400 if it has another type. */
export function conformLeaf(leaf: Leaf, value: unknown, place: Place, context: LeafContext): unknown {
  function fail(): never {
    throw decodeError(context.decoding, unmarshalMessage(value, place, context.owner, goLeafName(leaf)));
  }
  switch (leaf) {
    case 'string':
      return typeof value === 'string' ? value : fail();
    case 'bool':
      return typeof value === 'boolean' ? value : fail();
    case 'int32':
      return isInteger(value, 2 ** 31) ? value : fail();
    case 'int64':
      return isInteger(value, 2 ** 63) ? value : fail();
    case 'IntOrString':
      return typeof value === 'string' || isInteger(value, 2 ** 31) ? value : fail();
    case 'FieldsV1':
      return value;
    case 'bytes':
      return typeof value === 'string' ? conformBytes(value, context.decoding) : fail();
    case 'Quantity':
      return typeof value === 'string' || typeof value === 'number'
        ? conformQuantity(`${value}`, context.decoding)
        : fail();
    case 'Time':
    case 'MicroTime':
      return typeof value === 'string' ? conformTime(leaf, value, context.decoding) : fail();
  }
}

function goLeafName(leaf: Leaf): string {
  const names: Partial<Record<Leaf, string>> = {
    bytes: '[]uint8',
    Time: 'string',
    MicroTime: 'string',
    IntOrString: 'int32',
  };
  return names[leaf] ?? leaf;
}

function isInteger(value: unknown, limit: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= -limit && value < limit;
}

function conformBytes(text: string, decoding: Decoding): string {
  const compact = text.replace(/[\r\n]/g, '');
  const fault =
    /[^A-Za-z0-9+/=]/.exec(compact)?.index ?? (compact.length % 4 === 0 ? -1 : compact.length - (compact.length % 4));
  const padding = compact.indexOf('=');
  const misplaced = padding >= 0 && !/^={1,2}$/.test(compact.slice(padding)) ? padding : -1;
  const at = fault >= 0 ? fault : misplaced;
  if (at >= 0) throw decodeError(decoding, `illegal base64 data at input byte ${at}`);
  return Buffer.from(compact, 'base64').toString('base64');
}

function conformQuantity(text: string, decoding: Decoding): string {
  const canonical = canonicalQuantity(text);
  if (canonical !== undefined) return canonical;
  const wellFormed = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/.test(text);
  throw decodeError(
    decoding,
    wellFormed
      ? "unable to parse quantity's suffix"
      : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

function conformTime(leaf: 'Time' | 'MicroTime', text: string, decoding: Decoding): string {
  const canonical = leaf === 'Time' ? canonicalTime(text) : canonicalMicroTime(text);
  if (canonical !== undefined) return canonical;
  const layout = leaf === 'Time' ? '2006-01-02T15:04:05Z07:00' : '2006-01-02T15:04:05.000000Z07:00';
  const fault = canonicalTime(text) === undefined ? `cannot parse ${JSON.stringify(text)} as "2006"` : timeTail(text);
  throw decodeError(decoding, `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: ${fault}`);
}

/** A time with another number of digits than six: Go stops where the fraction should be. */
function timeTail(text: string): string {
  return `cannot parse ${JSON.stringify(text.slice(19))} as ".000000"`;
}
