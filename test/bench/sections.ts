import { advance } from './advance.ts';
import { aggregator } from './aggregator.ts';
import { bundle } from './bundle.ts';
import { events } from './events.ts';
import { release } from './release.ts';
import { sweep } from './sweep.ts';
import type { Section } from './section.ts';
import { trigger } from './trigger.ts';

/** In the order in which they are run: those that take long are the last, where a busy machine has no time for all. */
export const SECTIONS: readonly Section[] = [trigger, release, bundle, aggregator, events, advance, sweep];
