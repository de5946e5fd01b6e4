/**
 * What `load` makes of each item, in order, with up to `inFlight` loads under way or waiting to be taken. Throws what
 * the first failed load threw once its turn has come, so that the reported fault does not depend on timing.
 */
export async function* prefetch<Item, Loaded>(
  items: AsyncIterable<Item>,
  load: (item: Item) => Promise<Loaded>,
  inFlight: number,
): AsyncGenerator<Loaded> {
  const pending: Promise<Loaded>[] = [];
  for await (const item of items) {
    const loading = load(item);
    // Awaited in its turn; until then a rejection would count as unhandled.
    loading.catch(() => undefined);
    pending.push(loading);
    const first = pending.length < inFlight ? undefined : pending.shift();
    if (first !== undefined) yield await first;
  }
  for (const loading of pending) yield await loading;
}
