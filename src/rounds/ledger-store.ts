import type { CallOptions, ObjectStore } from '../storage/port.ts';
import type { GsUri } from '../storage/uri.ts';
import type { Ledger } from './ledger.ts';
import { formatLedger, parseLedger } from './ledger-schema.ts';
import { ledgerUri } from './paths.ts';

/** A ledger and the generation it was read or written at; `'0'` and `null` where there is none. */
export interface LedgerState {
  readonly ledger: Ledger | null;
  readonly generation: string;
}

/** The new generation, or a failed precondition. */
export type LedgerWrite = { readonly generation: string } | 'conflict';

export interface LedgerStore {
  /** Throws UnreadableStateError for a corrupt or newer one. */
  read(taskId: string, call?: CallOptions): Promise<LedgerState>;
  /**
   * Writes only over `generation`, and answers the new one. `'conflict'` may be the echo of our own write: read again
   * and decide, it never means that somebody else did it.
   */
  write(taskId: string, generation: string, ledger: Ledger, call?: CallOptions): Promise<LedgerWrite>;
}

interface Cached {
  readonly state: LedgerState;
  readonly chars: number;
}

// About 64 MB as UTF-16: hundreds of busy tasks, thousands of small ones.
const MAX_CACHED_CHARS = 32 * 1024 * 1024;

/** The ledgers below `stateUri`. Keeps the last ones seen: an unchanged ledger then costs a 304 and no parsing. */
export function createLedgerStore(store: ObjectStore, stateUri: GsUri): LedgerStore {
  const cache = new Map<string, Cached>();
  let chars = 0;

  function forget(taskId: string): void {
    chars -= cache.get(taskId)?.chars ?? 0;
    cache.delete(taskId);
  }
  function remember(taskId: string, state: LedgerState, size: number): LedgerState {
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
        return { ledger: null, generation: '0' };
      }
      const state = { ledger: parseLedger(uri, taskId, found.text), generation: found.info.generation };
      return remember(taskId, state, found.text.length);
    },
    write: async (taskId, generation, ledger, call = {}) => {
      const text = formatLedger(ledger);
      const options = { ...call, ifGenerationMatch: generation, contentType: 'application/json' };
      const written = await store.write(ledgerUri(stateUri, taskId), text, options);
      if (written === 'conflict') return 'conflict';
      remember(taskId, { ledger, generation: written.generation }, text.length);
      return { generation: written.generation };
    },
  };
}
