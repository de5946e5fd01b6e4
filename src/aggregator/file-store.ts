/** Files by path, of a disk or of Cloud Storage. What goes wrong is thrown; an absent file too, except by `remove`. */
export interface FileStore {
  /** Throws Fault if there are more than `maxBytes`. */
  readonly read: (path: string, maxBytes: number) => Promise<Uint8Array>;
  readonly stream: (path: string) => AsyncIterable<Uint8Array>;
  /** The names of the files directly in `directory`. */
  readonly list: (directory: string) => Promise<string[]>;
  /** Makes `directory` if it can be made, and finds out early, where it can be, that nothing may be written there. */
  readonly prepare: (directory: string) => Promise<void>;
  /** Replaces the file; nobody sees a half-written one. */
  readonly write: (path: string, chunks: Iterable<Uint8Array>) => Promise<void>;
  readonly remove: (path: string) => Promise<void>;
}

/** The file `name` in `directory`, whether that ends in a slash or not. */
export function joinPath(directory: string, name: string): string {
  return `${directory.replace(/\/+$/, '')}/${name}`;
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
