/** Files by path, on disk or in Cloud Storage. Every method throws on failure; a missing file is one, except for `remove`. */
export interface FileStore {
  /** Throws Fault if the file has more than `maxBytes`. */
  readonly read: (path: string, maxBytes: number) => Promise<Uint8Array>;
  readonly stream: (path: string) => AsyncIterable<Uint8Array>;
  /** The names of the files directly in `directory`. */
  readonly list: (directory: string) => Promise<string[]>;
  /** Creates `directory` where that is needed, and fails early, where that can be known, if it is not writable. */
  readonly prepare: (directory: string) => Promise<void>;
  /** Replaces the file atomically. */
  readonly write: (path: string, chunks: Iterable<Uint8Array>) => Promise<void>;
  readonly remove: (path: string) => Promise<void>;
}

/** Returns the path of the file `name` in `directory`, which may end in a slash. */
export function joinPath(directory: string, name: string): string {
  return `${directory.replace(/\/+$/, '')}/${name}`;
}
