import type { Answer } from '../http/answer.ts';
import { notImplemented } from '../status.ts';
import type { Call } from './context.ts';

export const handleApply = (_call: Call, _subresource?: 'status'): Answer => {
  throw notImplemented('server-side apply');
};
