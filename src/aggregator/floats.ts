import { DT } from './dtypes.ts';
import { bfloat16Table, encodeBfloat16, encodeFloat16, float16Table } from './float16.ts';

/**
 * A float tensor's elements: the numbers themselves, or 16-bit patterns with a table of what each stands for. The
 * average reads them where they lie, without a copy as float64.
 */
export type FloatElements =
  | { readonly kind: 'numbers'; readonly values: Float32Array | Float64Array }
  | { readonly kind: 'patterns'; readonly values: Uint16Array; readonly table: Float64Array };

/** A view of `bytes` as the floats of `dtype` (little-endian, as the host must be); null if it is no float type. */
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
      return { kind: 'patterns', values: new Uint16Array(...view(2)), table: float16Table() };
    case DT.bfloat16:
      return { kind: 'patterns', values: new Uint16Array(...view(2)), table: bfloat16Table() };
    default:
      return null;
  }
}

/** A tensor may start at any byte of its data file; typed arrays may not. */
function aligned(bytes: Uint8Array, elementBytes: number): Uint8Array {
  return bytes.byteOffset % elementBytes === 0 ? bytes : new Uint8Array(bytes);
}

/** The elements as float64, each exactly. */
export function toFloat64(elements: FloatElements): Float64Array {
  return elements.kind === 'numbers'
    ? Float64Array.from(elements.values)
    : Float64Array.from(elements.values, (bits) => elements.table[bits] ?? Number.NaN);
}

/** `values` as bytes of the float type `dtype`, each rounded to the nearest, ties to even. */
export function encodeFloats(dtype: number, values: Float64Array): Uint8Array {
  switch (dtype) {
    case DT.float32:
      return toBytes(Float32Array.from(values));
    case DT.float64:
      return toBytes(values);
    case DT.float16:
      return toBytes(Uint16Array.from(values, encodeFloat16));
    case DT.bfloat16:
      return toBytes(Uint16Array.from(values, encodeBfloat16));
    default:
      throw new RangeError(`data type ${dtype} is not a float type`);
  }
}

function toBytes(array: Float32Array | Float64Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
