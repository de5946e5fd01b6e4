import { createHash } from 'node:crypto';

export interface Chaos {
  readonly seed: number;
  /** Longest delay of a delivery; 2000. */
  readonly maxDelayMs?: number;
}

/** One delivery of an event: its delay, and whether it has its own message id. */
export interface PlannedDelivery {
  readonly delayMs: number;
  readonly isOtherMessage: boolean;
}

const MAX_DELAY_MS = 2_000;

/**
 * When an event is delivered, and how often: a fifth of the events twice, a few three times, half of them late by up to
 * `maxDelayMs`, which also changes their order. It depends on the seed and the object's name and count of generations
 * alone, so that a run can be repeated whatever the order in which the uploads end.
 */
export function planDeliveries(
  { seed, maxDelayMs = MAX_DELAY_MS }: Chaos,
  object: string,
  count: number,
): readonly PlannedDelivery[] {
  const draw = drawsOf(`${seed}\n${object}\n${count}`);
  const copies = draw(0) < 0.05 ? 3 : draw(0) < 0.2 ? 2 : 1;
  return Array.from({ length: copies }, (_, copy) => ({
    delayMs: draw(1 + copy) < 0.5 ? 0 : Math.floor(draw(4 + copy) * maxDelayMs),
    isOtherMessage: copy > 0 && draw(7) < 0.5,
  }));
}

/** Numbers in [0, 1), the same for the same text. */
function drawsOf(words: string): (index: number) => number {
  const bytes = createHash('sha256').update(words).digest();
  return (index) => bytes.readUInt32BE(index * 4) / 2 ** 32;
}
