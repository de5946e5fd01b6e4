import type { GsUri } from '../storage/uri.ts';
import { joinGsUri } from '../storage/uri.ts';

const ROUND_DIGITS = 6;

export function ledgerUri(state: GsUri, taskId: string): GsUri {
  return joinGsUri(state, `tasks/${taskId}/ledger.json`);
}

export function latestUri(state: GsUri, taskId: string): GsUri {
  return joinGsUri(state, `tasks/${taskId}/latest.json`);
}

export function manifestUri(state: GsUri, taskId: string, round: number): GsUri {
  return joinGsUri(state, `${roundFolder(taskId, round)}/manifest.json`);
}

function roundFolder(taskId: string, round: number): string {
  return `tasks/${taskId}/rounds/${String(round).padStart(ROUND_DIGITS, '0')}`;
}

/** The checkpoint list that the aggregator of the round reads. */
export function listUri(state: GsUri, taskId: string, round: number): GsUri {
  return joinGsUri(state, `${roundFolder(taskId, round)}/checkpoints.txt`);
}

export function resultUri(state: GsUri, taskId: string, round: number): GsUri {
  return joinGsUri(state, `${roundFolder(taskId, round)}/result.json`);
}

/** Contains one folder per task that has state. */
export function tasksFolder(state: GsUri): GsUri {
  return joinGsUri(state, 'tasks/');
}

export function sweepUri(state: GsUri): GsUri {
  return joinGsUri(state, 'sweep.json');
}
