import { getOwn, isDangerousKey, isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';

/**
 * Merges `over` into `base` as helm coalesces values: mappings key by key, lists and scalars replaced, and a `null` in `over` removes the
 * key (https://helm.sh/docs/chart_template_guide/values_files/#deleting-a-default-key). Neither argument is changed.
 */
export function mergeValues(base: JsonObject, over: JsonObject): JsonObject {
  return merge(base, over, false);
}

/** The same, but a `null` in `over` stays, so that it still removes the key from values that the result is merged over. */
export function overlayValues(base: JsonObject, over: JsonObject): JsonObject {
  return merge(base, over, true);
}

function merge(base: JsonObject, over: JsonObject, keepsNull: boolean): JsonObject {
  const merged: { [key: string]: JsonValue } = {};
  for (const [key, value] of Object.entries(base)) {
    if (!Object.hasOwn(over, key) && !isDangerousKey(key)) merged[key] = value;
  }
  for (const [key, value] of Object.entries(over)) {
    if (isDangerousKey(key) || (value === null && !keepsNull)) continue;
    const below = getOwn(base, key);
    merged[key] = isJsonObject(value) ? merge(isJsonObject(below) ? below : {}, value, keepsNull) : value;
  }
  return merged;
}
