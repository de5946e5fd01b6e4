const syntax = /^([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$/;
const binary: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const nano = 9;

interface Quantity {
  /** In billionths, rounded away from zero: Kubernetes keeps no more precision than that. */
  readonly nanos: bigint;
  readonly form: 'binary' | 'decimal' | 'exponent';
}

const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];

const milli = 1_000_000n;

/** Reads a resource.Quantity; `undefined` when it is none. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = syntax.exec(text);
  if (match === null) return undefined;
  const [, number = '', suffix = ''] = match;
  const negative = number.startsWith('-');
  const [whole = '', fraction = ''] = number.replace(/^[+-]/, '').split('.');
  const digits = BigInt(`${whole}${fraction}` === '' ? '0' : `${whole}${fraction}`) * (negative ? -1n : 1n);
  const factor = binary[suffix];
  if (factor !== undefined) {
    const nanos = divideUp(digits * factor * pow10(nano), pow10(fraction.length));
    return { nanos, form: 'binary' };
  }
  const isExponent = /^[eE][+-]?\d/.test(suffix);
  const exponent = (isExponent ? Number(suffix.slice(1)) : (decimal[suffix] ?? 0)) + nano - fraction.length;
  if (Math.abs(exponent) > 60) return undefined;
  const nanos = exponent >= 0 ? digits * pow10(exponent) : divideUp(digits, pow10(-exponent));
  return { nanos, form: isExponent ? 'exponent' : 'decimal' };
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  if (dividend % divisor === 0n) return quotient;
  return dividend < 0n ? quotient - 1n : quotient + 1n;
}

function pow10(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

/** The canonical form (`1024Mi` is `1Gi`, `0.5` is `500m`), in which the API server stores and answers quantities. */
export function canonicalQuantity(text: string): string | undefined {
  const quantity = parseQuantity(text);
  if (quantity === undefined) return undefined;
  if (quantity.form === 'binary') return formatBinary(quantity.nanos);
  return formatDecimal(quantity.nanos, quantity.form === 'exponent');
}

function formatBinary(nanos: bigint): string {
  const one = pow10(nano);
  // Below 1024, or not whole: Kubernetes falls back to the decimal form.
  if (nanos % one !== 0n || (nanos < 1024n * one && nanos > -1024n * one)) return formatDecimal(nanos, false);
  let mantissa = nanos / one;
  const suffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
  let step = 0;
  while (mantissa % 1024n === 0n && step < suffixes.length - 1) {
    mantissa /= 1024n;
    step += 1;
  }
  return `${mantissa}${suffixes[step] ?? ''}`;
}

function formatDecimal(nanos: bigint, exponentForm: boolean): string {
  if (nanos === 0n) return '0';
  let mantissa = nanos;
  let step = 0;
  while (mantissa % 1000n === 0n && step < decimalSuffixes.length - 1) {
    mantissa /= 1000n;
    step += 1;
  }
  const exponent = (step - 3) * 3;
  if (!exponentForm) return `${mantissa}${decimalSuffixes[step] ?? ''}`;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}

/** Rounded up to thousandths, which is as fine as amounts of resources are kept. */
export function roundToMilli(text: string): string {
  const quantity = parseQuantity(text);
  if (quantity === undefined || quantity.nanos % milli === 0n) return text;
  return formatDecimal(divideUp(quantity.nanos, milli) * milli, quantity.form === 'exponent');
}
