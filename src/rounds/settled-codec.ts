import type { SettledId } from './ledger.ts';

// A ledger holds every id of the window, so its size is theirs: a canonical UUID is written as its 16 bytes in base64url
// (22 characters instead of 36), anything else behind a `=`, which base64url without padding never has.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const COMPACT = /^[\w-]{22}$/;
const ENTRY = /^([1-9]\d{0,18}) (0|[1-9a-z][0-9a-z]{0,9})$/;

/** `jobId` as a ledger writes it. */
export const encodeId = (jobId: string): string =>
  UUID.test(jobId) ? Buffer.from(jobId.replaceAll('-', ''), 'hex').toString('base64url') : `=${jobId}`;

/** The jobId of an encoded one; `null` when it is not one. */
export const decodeId = (text: string): string | null => {
  if (text.startsWith('=')) return text.slice(1);
  if (!COMPACT.test(text)) return null;
  const hex = Buffer.from(text, 'base64url').toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};

/** `<generation> <ms since 1970 in base 36>` by encoded id. */
export const encodeSettled = (settled: ReadonlyMap<string, SettledId>): Record<string, string> =>
  Object.fromEntries(
    [...settled].map(([jobId, { generation, timeCreatedMs }]) => [
      encodeId(jobId),
      `${generation} ${timeCreatedMs.toString(36)}`,
    ]),
  );

/** The reverse; `null` when an entry is malformed. */
export const decodeSettled = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, SettledId> | null => {
  const settled = new Map<string, SettledId>();
  for (const [key, value] of Object.entries(entries)) {
    const jobId = decodeId(key);
    const entry = ENTRY.exec(value);
    if (jobId === null || entry === null) return null;
    settled.set(jobId, { generation: entry[1] ?? '', timeCreatedMs: parseInt(entry[2] ?? '', 36) });
  }
  return settled;
};
