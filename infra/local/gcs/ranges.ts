import { GcsError } from './errors.ts';

/** Bytes `start` to `end`, exclusive. `partial`: answer 206. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly partial: boolean;
}

export interface ContentRange {
  /** null: a request without bytes, for the state of the upload. */
  readonly start: number | null;
  /** Bytes of the whole, or null while not known. */
  readonly total: number | null;
  /** Whether the bytes sent are the last ones: `bytes 0-*` + `/*` streams to the end. */
  readonly last: boolean;
}

/**
 * The bytes that a Range header requests of `size`: all without a header, or if it is not a single byte range
 * (RFC 9110 14.2 lets a server ignore it). Throws 416.
 */
export function parseRange(header: string | undefined, size: number): Range {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  const [first, last] = [match?.[1] ?? '', match?.[2] ?? ''];
  const whole: Range = { start: 0, end: size, partial: false };
  if (match === null || (first === '' && last === '')) return whole;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return whole;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (start >= size) {
    throw new GcsError(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable', {
      'content-range': `bytes */${size}`,
    });
  }
  return { start, end, partial: true };
}

/** Parses the Content-Range of a resumable upload; none means all bytes. Null if it is invalid. */
export function parseContentRange(header: string | undefined): ContentRange | null {
  if (header === undefined) return { start: 0, total: null, last: true };
  const match = /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/.exec(header.trim());
  if (match === null) return null;
  const total = match[3] === undefined || match[3] === '*' ? null : Number(match[3]);
  if (match[1] === undefined) return { start: null, total, last: false };
  const last = match[2] === '*' || (total !== null && Number(match[2]) + 1 === total);
  return { start: Number(match[1]), total, last };
}
