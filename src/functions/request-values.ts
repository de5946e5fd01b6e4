import type { Request } from 'express';
import type { JsonObject } from '../values/json.ts';
import { mergeValues } from '../values/merge.ts';
import { parseDocument } from '../values/parse-document.ts';
import { applySet } from '../values/set.ts';
import { readBody } from './raw-request.ts';

const bytesOf = (req: Request): Uint8Array | undefined => (req.body instanceof Uint8Array ? req.body : undefined);
