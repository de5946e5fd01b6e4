import { isFields, isList } from '../json.ts';
import type { Fields } from '../json.ts';
import { childShape, elementOf, shapeOfStruct } from './shape.ts';
import type { Shape } from './shape.ts';

/** The live object with an applied configuration laid over it (structured-merge-diff, typed/merge.go). */
export function mergeObjects(struct: string, live: Fields, config: Fields): Fields {
  return mergeFields(shapeOfStruct(struct), live, config);
}

function mergeFields(shape: Shape, live: Fields, config: Fields): Fields {
  const merged = new Map(Object.entries(live));
  for (const [key, value] of Object.entries(config))
    merged.set(key, merge(childShape(shape, `f:${key}`), merged.get(key), value));
  return Object.fromEntries(merged);
}

function merge(shape: Shape, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  if (live === undefined || shape.kind === 'leaf') return config;
  if (shape.kind === 'struct' || shape.kind === 'map') {
    return isFields(live) && isFields(config) ? mergeFields(shape, live, config) : config;
  }
  return isList(live) && isList(config) ? mergeLists(shape, live, config) : config;
}

/** Items keep the order of the configuration; items of the live list only stay before the items that they preceded. */
function mergeLists(shape: Shape, live: readonly unknown[], config: readonly unknown[]): readonly unknown[] {
  const liveElements = live.map((item) => elementOf(shape, item));
  const configElements = config.map((item) => elementOf(shape, item));
  const wanted = new Set(configElements);
  const shared = configElements.filter((element) => liveElements.includes(element));
  const out: unknown[] = [];
  const done = new Set<string>();
  let nextShared = 0;
  function take(index: number): void {
    const element = configElements[index] ?? '';
    const before = live[liveElements.indexOf(element)];
    out.push(merge(childShape(shape, element), before, config[index]));
    done.add(element);
    if (shared[nextShared] === element) nextShared += 1;
  }
  let l = 0;
  let r = 0;
  while (l < live.length || r < config.length) {
    const element = liveElements[l];
    if (element !== undefined && element === configElements[r]) {
      take(r);
      l += 1;
      r += 1;
    } else if (element !== undefined && !wanted.has(element)) {
      out.push(live[l]);
      l += 1;
    } else if (element !== undefined && (done.has(element) || (r < config.length && element !== shared[nextShared]))) {
      // It comes later, or came before, in the order of the configuration.
      l += 1;
    } else {
      take(r);
      r += 1;
    }
  }
  return out;
}
