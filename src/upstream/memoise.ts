/** One shared promise of `load`, kept until it rejects or `drop` is called. Concurrent callers share one load. */
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

/** Callers that arrive while `work` is running share its result; the next caller after it ends starts it again. */
export function coalesce<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
