/**
 * Yields the result of `load` for each item, in order, with up to `inFlight` loads running or waiting. A failed load
 * throws in its turn, so that the reported fault does not depend on timing.
 */
export async function* prefetch<Item, Loaded>(
  items: AsyncIterable<Item>,
  load: (item: Item) => Promise<Loaded>,
  inFlight: number,
): AsyncGenerator<Loaded> {
  const pending: Promise<Loaded>[] = [];
  for await (const item of items) {
    const loading = load(item);
    // Awaited in its turn; until then a rejection would be unhandled.
    loading.catch(() => undefined);
    pending.push(loading);
    const first = pending.length < inFlight ? undefined : pending.shift();
    if (first !== undefined) yield await first;
  }
  for (const loading of pending) yield await loading;
}
