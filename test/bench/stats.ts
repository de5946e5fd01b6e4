/** The `q`-quantile (0 to 1) of `values` by nearest rank. Throws RangeError when there are none. */
export const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
  if (found === undefined) throw new RangeError('There are no values to take a quantile of.');
  return found;
};

/** The middle of `values`; of an even number the lower one. Throws RangeError when there are none. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Throws RangeError when there are no values. */
export const mean = (values: readonly number[]): number => {
  if (values.length === 0) throw new RangeError('There are no values to take a mean of.');
  return values.reduce((sum, value) => sum + value, 0) / values.length;
};
