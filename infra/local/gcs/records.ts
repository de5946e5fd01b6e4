/** What a client may set on an object. */
export interface ObjectAttributes {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  readonly cacheControl?: string;
  readonly customTime?: string;
  readonly storageClass?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The location of an object's bytes: in memory, in the journal, or in a separate file. */
export type BlobRef =
  | { readonly kind: 'memory'; readonly bytes: Buffer }
  | { readonly kind: 'journal'; readonly offset: number; readonly length: number }
  | { readonly kind: 'file'; readonly id: string };

/** Hashes in base64, as in the API. */
export interface Digests {
  /** Bytes. */
  readonly size: number;
  readonly md5Hash: string;
  readonly crc32c: string;
}

/** One generation of one object. */
export interface ObjectRecord extends Digests {
  readonly bucket: string;
  readonly name: string;
  /** Microseconds since 1970, and larger than any before it. */
  readonly generation: number;
  readonly metageneration: number;
  /** RFC 3339. */
  readonly timeCreated: string;
  readonly updated: string;
  readonly attributes: ObjectAttributes;
  readonly blob: BlobRef;
}

export interface BucketRecord {
  readonly name: string;
  readonly location: string;
  readonly storageClass: string;
  /** RFC 3339. */
  readonly timeCreated: string;
}
