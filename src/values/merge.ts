import { getOwn, isDangerousKey, isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';

/**
 * `over` laid over `base` as helm coalesces values: mappings key by key, lists and scalars replaced, and a `null` in `over` removes the
 * key (https://helm.sh/docs/chart_template_guide/values_files/#deleting-a-default-key). Neither argument is changed.
 */
export function mergeValues(base: JsonObject, over: JsonObject): JsonObject {
  const merged: { [key: string]: JsonValue } = {};
  for (const [key, value] of Object.entries(base)) {
    if (getOwn(over, key) === undefined && !isDangerousKey(key)) merged[key] = value;
  }
  for (const [key, value] of Object.entries(over)) {
    if (value !== null && !isDangerousKey(key)) merged[key] = mergeValue(getOwn(base, key), value);
  }
  return merged;
}

function mergeValue(base: JsonValue | undefined, over: JsonValue): JsonValue {
  if (!isJsonObject(over)) return over;
  return mergeValues(isJsonObject(base) ? base : {}, over);
}
