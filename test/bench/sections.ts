import type { Section } from './section.ts';
import { trigger } from './trigger.ts';

/** In the order in which they are run. */
export const SECTIONS: readonly Section[] = [trigger];
