import type { SettledId } from './ledger.ts';

// A ledger holds every id of the window, and is parsed by each instance that meets it: 100,000 ids must be one string
// that is cheap to read, not as many JSON members. A canonical UUID is written as its 16 bytes in base64url (22
// characters instead of 36), anything else as JSON, whose first character base64url never has.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ENTRY = /([1-9]\d{0,18}) (0|[1-9a-z][0-9a-z]{0,9}) (?:([\w-]{22})|("(?:[^"\\\n]|\\.)*"))\n/y;

/** `jobId` as a ledger writes it: on one line. */
export function encodeId(jobId: string): string {
  return UUID.test(jobId) ? Buffer.from(jobId.replaceAll('-', ''), 'hex').toString('base64url') : JSON.stringify(jobId);
}

/** One line per id: `<generation> <ms since 1970 in base 36> <encoded id>`. */
export function encodeSettled(settled: ReadonlyMap<string, SettledId>): string {
  let text = '';
  for (const [jobId, { generation, timeCreatedMs }] of settled) {
    text += `${generation} ${timeCreatedMs.toString(36)} ${encodeId(jobId)}\n`;
  }
  return text;
}

/** The reverse; `null` when a line is malformed. */
export function decodeSettled(text: string): ReadonlyMap<string, SettledId> | null {
  const settled = new Map<string, SettledId>();
  ENTRY.lastIndex = 0;
  while (ENTRY.lastIndex < text.length) {
    const [, generation = '', time = '', uuid, json = ''] = ENTRY.exec(text) ?? [];
    const jobId = uuid === undefined ? decodeText(json) : decodeUuid(uuid);
    if (generation === '' || jobId === null) return null;
    settled.set(jobId, { generation, timeCreatedMs: parseInt(time, 36) });
  }
  return settled;
}

function decodeText(json: string): string | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

function decodeUuid(text: string): string {
  const hex = Buffer.from(text, 'base64url').toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
