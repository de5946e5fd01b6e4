const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A Kubernetes quantity (`500m`, `2Gi`, `1e3`) as a number of its unit: cores, bytes, pieces.
 * Syntax: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 * @throws RangeError when it is not one
 */
export function parseQuantity(text: string): number {
  const [, digits, exponent, suffix = ''] =
    /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([a-zA-Z]*))$/.exec(text) ?? [];
  const factor = FACTORS[suffix];
  if (digits === undefined || factor === undefined) throw new RangeError(`"${text}" is not a quantity`);
  return Number(`${digits}${exponent ?? ''}`) * factor;
}
