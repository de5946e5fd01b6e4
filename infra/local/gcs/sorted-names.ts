import { compareUtf8 } from './names.ts';

/** A set of names kept in Cloud Storage's order, so that a page of a listing costs what it returns. */
export interface SortedNames {
  readonly size: number;
  add(name: string): void;
  delete(name: string): void;
  /** The names in order, from the first for which `isBefore` is false. It must be true for a head of the order only. */
  scan(isBefore: (name: string) => boolean): Generator<string, void, undefined>;
}

// A two-level list: adding moves at most one chunk, where one flat array would move half of all names.
const MAX_CHUNK = 1024;

/** An empty {@link SortedNames}. */
export function createSortedNames(): SortedNames {
  const chunks: string[][] = [];
  let size = 0;

  function chunkFor(isBefore: (name: string) => boolean): number {
    const next = firstNotBefore(chunks, (chunk) => isBefore(chunk[0] ?? ''));
    return Math.max(0, next - 1);
  }

  function locate(name: string): { index: number; chunk: string[]; at: number } {
    const index = chunkFor((other) => compareUtf8(other, name) <= 0);
    const chunk = chunks[index] ?? [];
    return { index, chunk, at: firstNotBefore(chunk, (other) => compareUtf8(other, name) < 0) };
  }

  return {
    get size() {
      return size;
    },
    add(name) {
      if (chunks.length === 0) chunks.push([]);
      const { index, chunk, at } = locate(name);
      if (chunk[at] === name) return;
      chunk.splice(at, 0, name);
      size += 1;
      if (chunk.length > MAX_CHUNK) chunks.splice(index + 1, 0, chunk.splice(MAX_CHUNK / 2));
    },
    delete(name) {
      const { index, chunk, at } = locate(name);
      if (chunk[at] !== name) return;
      chunk.splice(at, 1);
      size -= 1;
      if (chunk.length === 0) chunks.splice(index, 1);
    },
    *scan(isBefore) {
      for (let index = chunkFor(isBefore); index < chunks.length; index += 1) {
        const chunk = chunks[index] ?? [];
        for (let at = firstNotBefore(chunk, isBefore); at < chunk.length; at += 1) yield chunk[at] ?? '';
      }
    },
  };
}

/** The first index in `items` for which `isBefore` is false; `items.length` when there is none. */
function firstNotBefore<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && isBefore(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
