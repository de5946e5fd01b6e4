import type { GsUri } from '../storage/uri.ts';
import { joinGsUri } from '../storage/uri.ts';

const ROUND_DIGITS = 6;

const roundFolder = (taskId: string, round: number): string =>
  `tasks/${taskId}/rounds/${String(round).padStart(ROUND_DIGITS, '0')}`;

export const ledgerUri = (state: GsUri, taskId: string): GsUri => joinGsUri(state, `tasks/${taskId}/ledger.json`);
export const latestUri = (state: GsUri, taskId: string): GsUri => joinGsUri(state, `tasks/${taskId}/latest.json`);

export const manifestUri = (state: GsUri, taskId: string, round: number): GsUri =>
  joinGsUri(state, `${roundFolder(taskId, round)}/manifest.json`);

/** The checkpoint list that the aggregator of this round reads. */
export const listUri = (state: GsUri, taskId: string, round: number): GsUri =>
  joinGsUri(state, `${roundFolder(taskId, round)}/checkpoints.txt`);

export const resultUri = (state: GsUri, taskId: string, round: number): GsUri =>
  joinGsUri(state, `${roundFolder(taskId, round)}/result.json`);

/** Below it, one folder per task that has state. */
export const tasksFolder = (state: GsUri): GsUri => joinGsUri(state, 'tasks/');

export const sweepUri = (state: GsUri): GsUri => joinGsUri(state, 'sweep.json');
