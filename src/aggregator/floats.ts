import { DT } from './dtypes.ts';

/**
 * The elements of a float tensor: a typed array, or the bit patterns of bfloat16, for which JavaScript has no typed
 * array, with a table of their values. The average reads them in place, without a copy as float64.
 */
export type FloatElements =
  | { readonly kind: 'numbers'; readonly values: Float16Array | Float32Array | Float64Array }
  | { readonly kind: 'patterns'; readonly values: Uint16Array; readonly table: Float64Array };

/** Returns a view of `bytes` (little-endian, as the host must be) as floats of `dtype`; null if `dtype` is no float type. */
export function viewFloats(dtype: number, bytes: Uint8Array): FloatElements | null {
  function view(elementBytes: number): [ArrayBufferLike, number, number] {
    const { buffer, byteOffset, length } = aligned(bytes, elementBytes);
    return [buffer, byteOffset, length / elementBytes];
  }
  switch (dtype) {
    case DT.float32:
      return { kind: 'numbers', values: new Float32Array(...view(4)) };
    case DT.float64:
      return { kind: 'numbers', values: new Float64Array(...view(8)) };
    case DT.float16:
      return { kind: 'numbers', values: new Float16Array(...view(2)) };
    case DT.bfloat16:
      return { kind: 'patterns', values: new Uint16Array(...view(2)), table: bfloat16Table() };
    default:
      return null;
  }
}

/** A tensor may start at any byte of its data file; a typed array may not. */
function aligned(bytes: Uint8Array, elementBytes: number): Uint8Array {
  return bytes.byteOffset % elementBytes === 0 ? bytes : new Uint8Array(bytes);
}

let table: Float64Array | undefined;

/** The value of each of the 65,536 bfloat16 bit patterns; built on first use. A bfloat16 is the upper half of a float32. */
function bfloat16Table(): Float64Array {
  return (table ??= Float64Array.from(
    new Float32Array(Uint32Array.from({ length: 65_536 }, (_, bits) => bits << 16).buffer),
  ));
}

/** Returns the elements as float64, each exactly. */
export function toFloat64(elements: FloatElements): Float64Array {
  return elements.kind === 'numbers'
    ? Float64Array.from(elements.values)
    : Float64Array.from(elements.values, (bits) => elements.table[bits] ?? Number.NaN);
}

/** Returns `values` as bytes of the float type `dtype`, each rounded to the nearest value, ties to even. */
export function encodeFloats(dtype: number, values: Float64Array): Uint8Array {
  switch (dtype) {
    case DT.float32:
      return toBytes(Float32Array.from(values));
    case DT.float64:
      return toBytes(values);
    case DT.float16:
      return toBytes(Float16Array.from(values));
    case DT.bfloat16:
      return toBytes(Uint16Array.from(values, encodeBfloat16));
    default:
      throw new RangeError(`data type ${dtype} is not a float type`);
  }
}

function toBytes(array: Float16Array | Float32Array | Float64Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function encodeBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  if (value === 0 || !Number.isFinite(value)) return float32Bits(value) >>> 16;
  return (float32Bits(roundToBfloat16(value)) >>> 16) | (value < 0 ? 0x8000 : 0);
}

const scratch = new DataView(new ArrayBuffer(8));

function float32Bits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

const BFLOAT16 = { fractionBits: 7, smallestNormalExponent: -126 };

/**
 * Rounds directly from float64: by way of float32 the value would be rounded twice. Adding and subtracting 1.5 * 2^52
 * steps uses the rounding of the processor, which is to nearest, ties to even.
 */
function roundToBfloat16(value: number): number {
  const exponent = Math.max(exponentOf(value), BFLOAT16.smallestNormalExponent);
  const step = 2 ** (exponent - BFLOAT16.fractionBits);
  const shift = 1.5 * 2 ** 52;
  return (value / step + shift - shift) * step;
}

function exponentOf(value: number): number {
  scratch.setFloat64(0, value);
  return ((scratch.getUint32(0) >>> 20) & 0x7ff) - 1023;
}
