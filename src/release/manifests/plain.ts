/** `T` as JSON keeps it: a member that is `undefined` is not there at all. */
export type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { [K in keyof T]: Plain<Exclude<T[K], undefined>> }
    : T;

/** A copy of `value` without members that are `undefined`; nothing is shared with it. */
export function plain<T>(value: T): Plain<T> {
  return JSON.parse(JSON.stringify(value));
}
