/** The two 16-bit float formats: `fractionBits` stored bits of fraction, `minExponent` the exponent of the smallest normal. */
interface Format {
  readonly fractionBits: number;
  readonly minExponent: number;
}

const FLOAT16: Format = { fractionBits: 10, minExponent: -14 };
const BFLOAT16: Format = { fractionBits: 7, minExponent: -126 };

const scratch = new DataView(new ArrayBuffer(8));

/** The value of each of the 65,536 float16 bit patterns; built on first use. */
export const float16Table = memoise(decodeFloat16);

/** The value of each of the 65,536 bfloat16 bit patterns; built on first use. */
export const bfloat16Table = memoise(decodeBfloat16);

/** The bits of `value` as bfloat16, rounded to nearest, ties to even. */
export function encodeBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  if (value === 0 || !Number.isFinite(value)) return float32Bits(value) >>> 16;
  return (float32Bits(round(value, BFLOAT16)) >>> 16) | (value < 0 ? 0x8000 : 0);
}

function float32Bits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

/**
 * `value` rounded to the nearest number of `format`, ties to even, straight from float64: by way of float32 it would be
 * rounded twice. Adding and taking away 1.5 * 2^52 steps makes the processor's own rounding do it.
 */
function round(value: number, format: Format): number {
  const step = 2 ** (Math.max(exponentOf(value), format.minExponent) - format.fractionBits);
  const shift = 1.5 * 2 ** 52;
  const steps = value / step;
  return (steps + shift - shift) * step;
}

function exponentOf(value: number): number {
  scratch.setFloat64(0, value);
  return ((scratch.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

/** The bits of `value` as IEEE 754 binary16, rounded to nearest, ties to even; past 65504 to infinity, as the standard has it. */
export function encodeFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (value === 0) return sign;
  const size = Number.isFinite(value) ? Math.abs(round(value, FLOAT16)) : Infinity;
  if (size >= 2 ** 16) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | (size * 2 ** 24);
  const exponent = exponentOf(size);
  return sign | ((exponent + 15) << 10) | ((size / 2 ** exponent - 1) * 1024);
}

function decodeFloat16(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function decodeBfloat16(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

function memoise(decode: (bits: number) => number): () => Float64Array {
  let table: Float64Array | undefined;
  return () => (table ??= Float64Array.from({ length: 65_536 }, (_, bits) => decode(bits)));
}
