import * as z from 'zod';
import type { ObjectStore } from '../storage/port.ts';
import type { GsUri } from '../storage/uri.ts';
import type { Ledger, LedgerStore, SettledId, VersionedLedger } from './ledger.ts';
import { OpenRoundSchema, RedriveSchema, RoundRecordSchema, TotalsSchema } from './ledger.ts';
import { ledgerUri } from './paths.ts';
import { corruptState, parseState } from './state-json.ts';

const VERSION = 1;

const LedgerSchema = z.object({
  schema: z.literal(VERSION),
  taskId: z.string(),
  uploads: z.string(),
  next: z.int().positive(),
  watermark: z.iso.datetime(),
  open: OpenRoundSchema.nullable(),
  settled: z.string(),
  /** One line per line of `settled`: the content. Absent in a ledger of an earlier version. */
  contents: z.string().default(''),
  totals: TotalsSchema,
  rounds: z.record(z.string().regex(/^[1-9]\d*$/), RoundRecordSchema),
  /** Absent in a ledger of an earlier version. */
  redrives: z.array(RedriveSchema).default([]),
  unpublished: z.array(z.int().positive()),
});

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ENTRY = /([1-9]\d{0,18}) (0|[1-9a-z][0-9a-z]{0,9}) (?:([\w-]{22})|("(?:[^"\\\n]|\\.)*"))\n/y;

interface Cached {
  readonly state: VersionedLedger;
  readonly chars: number;
}

// About 64 MB in memory: the ledgers of hundreds of busy tasks or thousands of small ones.
const MAX_CACHED_CHARS = 32 * 1024 * 1024;

/** The ledgers under `stateUri`. The last ones are cached: an unchanged ledger then costs a 304 and no parsing. */
export function createLedgerStore(store: ObjectStore, stateUri: GsUri): LedgerStore {
  const cache = new Map<string, Cached>();
  let chars = 0;

  function forget(taskId: string): void {
    chars -= cache.get(taskId)?.chars ?? 0;
    cache.delete(taskId);
  }
  function remember(taskId: string, state: VersionedLedger, size: number): VersionedLedger {
    forget(taskId);
    cache.set(taskId, { state, chars: size });
    chars += size;
    for (const oldest of cache.keys()) {
      if (chars <= MAX_CACHED_CHARS) break;
      forget(oldest);
    }
    return state;
  }

  return {
    read: async (taskId, call = {}) => {
      const cached = cache.get(taskId);
      const uri = ledgerUri(stateUri, taskId);
      const found = await store.read(uri, {
        ...call,
        ...(cached !== undefined && { ifGenerationNotMatch: cached.state.generation }),
      });
      if (found === 'unchanged' && cached !== undefined) return remember(taskId, cached.state, cached.chars);
      if (found === null || found === 'unchanged') {
        forget(taskId);
        return null;
      }
      const state = { ledger: parseLedger(uri, taskId, found.text), generation: found.info.generation };
      return remember(taskId, state, found.text.length);
    },
    write: async (current, ledger, call = {}) => {
      const text = formatLedger(ledger);
      const options = { ...call, ifGenerationMatch: current.generation, contentType: 'application/json' };
      const written = await store.write(ledgerUri(stateUri, ledger.taskId), text, options);
      if (written === 'conflict') return 'conflict';
      return remember(ledger.taskId, { ledger, generation: written.generation }, text.length);
    },
  };
}

/** The JSON of a ledger. */
export function formatLedger(ledger: Ledger): string {
  const { watermarkMs, settled, rounds, ...rest } = ledger;
  return JSON.stringify({
    schema: VERSION,
    ...rest,
    watermark: new Date(watermarkMs).toISOString(),
    rounds: Object.fromEntries(rounds),
    settled: encodeSettled(settled),
    contents: Array.from(settled.values(), ({ content = '' }) => content).join('\n'),
  });
}

/** Parses a stored ledger. Throws UnreadableStateError, with the remedy. */
export function parseLedger(uri: GsUri, taskId: string, text: string): Ledger {
  const { schema: _, watermark, settled, contents, rounds, ...rest } = parseState(uri, text, VERSION, LedgerSchema);
  const ids = decodeSettled(settled, contents);
  if (ids === null) throw corruptState(uri, 'is corrupt: a line of `settled` cannot be read');
  if (rest.taskId !== taskId) throw corruptState(uri, `is the ledger of another task, "${rest.taskId}"`);
  if (rest.open !== null && rest.open.round !== rest.next - 1)
    throw corruptState(uri, 'is corrupt: `open` and `next` contradict each other');
  return {
    ...rest,
    watermarkMs: Date.parse(watermark),
    settled: ids,
    rounds: new Map(Object.entries(rounds).map(([round, record]) => [Number(round), record])),
  };
}

/** A canonical UUID as its 16 bytes in base64url (22 characters instead of 36); any other id as JSON, which starts with `"`. */
export function encodeId(jobId: string): string {
  return UUID.test(jobId) ? Buffer.from(jobId.replaceAll('-', ''), 'hex').toString('base64url') : JSON.stringify(jobId);
}

/**
 * One line per id: `<generation> <ms since 1970 in base 36> <encoded id>`. The ledger contains all ids of the window (up
 * to 100,000), so they are one string, which is parsed faster than as many members of a JSON object.
 */
export function encodeSettled(settled: ReadonlyMap<string, SettledId>): string {
  let text = '';
  for (const [jobId, { generation, timeCreatedMs }] of settled) {
    text += `${generation} ${timeCreatedMs.toString(36)} ${encodeId(jobId)}\n`;
  }
  return text;
}

/** The reverse of {@link encodeSettled}; `null` when a line is malformed. */
export function decodeSettled(text: string, contents = ''): ReadonlyMap<string, SettledId> | null {
  const lines = contents.split('\n');
  const settled = new Map<string, SettledId>();
  ENTRY.lastIndex = 0;
  while (ENTRY.lastIndex < text.length) {
    const [, generation = '', time = '', uuid, json = ''] = ENTRY.exec(text) ?? [];
    const jobId = uuid === undefined ? decodeText(json) : decodeUuid(uuid);
    if (generation === '' || jobId === null) return null;
    const content = lines[settled.size] ?? '';
    settled.set(jobId, { generation, timeCreatedMs: parseInt(time, 36), ...(content !== '' && { content }) });
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
