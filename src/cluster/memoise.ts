/** One shared promise of `load`, kept until it rejects or `drop` is called. Callers at the same time share one load. */
export function memoise<T>(load: () => Promise<T>): { readonly get: () => Promise<T>; readonly drop: () => void } {
  let kept: Promise<T> | undefined;
  function drop(): void {
    kept = undefined;
  }
  function get(): Promise<T> {
    if (kept !== undefined) return kept;
    const loading = load();
    kept = loading;
    loading.catch(() => {
      if (kept === loading) drop();
    });
    return loading;
  }
  return { get, drop };
}

/** Callers while a `work` is under way share it; the next caller after its end starts another. */
export function coalesce<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => {
    underWay ??= work().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}
