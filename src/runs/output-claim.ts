import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Issue } from '../errors.ts';
import { ContentionError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import { hasObjects } from '../storage/port.ts';
import type { GsUri } from '../storage/uri.ts';
import { formatGsUri, joinGsUri, parseGsUri } from '../storage/uri.ts';
import type { RunRecord } from './record.ts';
import type { SlotDeps } from './schedule-slot.ts';
import { activeRun } from './schedule-slot.ts';

/** Why a run cannot write into its output directory: the run that has it is not over, or the directory has objects. */
export interface OutputObstacle {
  readonly kind: 'active' | 'exists';
  readonly why: string;
  /** The run that claimed the directory; `undefined` for objects of unknown origin. */
  readonly holder: string | undefined;
}

type Claimant = Pick<RunRecord, 'aggregationId' | 'spec'>;

const MAX_TRIES = 5;
const FIELD = 'aggregator.outputPath';

/** `outputs/<hash of the directory>.json` */
const OutputClaimSchema = z.object({
  schemaVersion: z.literal(1),
  outputPath: z.string(),
  aggregationId: z.string(),
  claimedAt: z.string(),
});

/**
 * Claims the output directory for the run, or returns what prevents it. The claim is created only if absent, and a claim
 * of a run that is over is replaced under its generation, so of two runs that start at once one gets the directory. A
 * run that was interrupted after its claim has it already. Throws ContentionError after 5 lost races.
 */
export async function claimOutput(
  deps: SlotDeps,
  record: Claimant,
  call: CallOptions = {},
): Promise<OutputObstacle | null> {
  const { aggregationId, spec } = record;
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const { holder, generation, obstacle } = await inspect(deps, record, call);
    if (obstacle !== null || holder === aggregationId) return obstacle;
    const claim = { schemaVersion: 1, outputPath: spec.outputPath, aggregationId, claimedAt: deps.now().toISOString() };
    const written = await deps.store.write(claimUri(deps, spec.outputPath), `${JSON.stringify(claim, null, 2)}\n`, {
      ...call,
      ifGenerationMatch: generation,
      contentType: 'application/json',
    });
    if (written !== 'conflict') return null;
  }
  throw new ContentionError(
    `The claim of ${spec.outputPath} changed ${MAX_TRIES} times while run "${aggregationId}" started; repeat the call.`,
  );
}

/** What would prevent the run from claiming its output directory now. Writes nothing. */
export async function outputObstacle(
  deps: SlotDeps,
  record: Claimant,
  call: CallOptions = {},
): Promise<OutputObstacle | null> {
  return (await inspect(deps, record, call)).obstacle;
}

async function inspect(deps: SlotDeps, { aggregationId, spec }: Claimant, call: CallOptions) {
  const stored = await deps.store.read(claimUri(deps, spec.outputPath), call);
  const found = stored === null || stored === 'unchanged' ? null : stored;
  // A damaged claim names nobody; the objects in the directory still count.
  const holder = found === null ? undefined : holderOf(found.text);
  const generation = found?.info.generation ?? '0';
  if (holder === aggregationId) return { holder, generation, obstacle: null };
  const [active] = holder === undefined ? [] : await activeRun(deps, holder, call);
  return {
    holder,
    generation,
    obstacle: active === undefined ? await existing(deps, spec, holder, call) : occupied(spec, active),
  };
}

function claimUri(deps: SlotDeps, outputPath: string): GsUri {
  const hash = createHash('sha256')
    .update(formatGsUri(directoryOf(outputPath)))
    .digest('hex')
    .slice(0, 32);
  return joinGsUri(deps.stateUri, `outputs/${hash}.json`);
}

/** The directory with one `/` at its end, however the path is written. */
function directoryOf(outputPath: string): GsUri {
  return joinGsUri(parseGsUri(outputPath.replace(/\/+$/, ''), FIELD), '');
}

function holderOf(text: string): string | undefined {
  try {
    return OutputClaimSchema.safeParse(JSON.parse(text)).data?.aggregationId;
  } catch {
    return undefined;
  }
}

function occupied(spec: Claimant['spec'], active: { readonly aggregationId: string; readonly why: string }) {
  const why = `${spec.outputPath} is the output directory of run "${active.aggregationId}", which is not over (${active.why}).`;
  return { kind: 'active' as const, why, holder: active.aggregationId };
}

async function existing(
  deps: SlotDeps,
  spec: Claimant['spec'],
  holder: string | undefined,
  call: CallOptions,
): Promise<OutputObstacle | null> {
  if (spec.onOutputExists === 'replace') return null;
  const { bucket, name: prefix } = directoryOf(spec.outputPath);
  if (!(await hasObjects(deps.store, { bucket, prefix }, call))) return null;
  const whose = holder === undefined ? 'objects' : `the output of run "${holder}"`;
  const why = `${spec.outputPath} contains ${whose}. Choose another outputPath, for example one with {date}-{time}, or set onOutputExists: replace.`;
  return { kind: 'exists', why, holder };
}

/** Why an output directory cannot be used whatever it contains: it is a part of this service's state. */
export function stateIssues({ stateUri }: Pick<SlotDeps, 'stateUri'>, outputPath: string): Issue[] {
  const state = joinGsUri(stateUri, '');
  const { bucket, name } = directoryOf(outputPath);
  if (bucket !== state.bucket || !name.startsWith(state.name)) return [];
  return [
    {
      path: FIELD,
      message: `${outputPath} is in the state of this service, ${formatGsUri(state)}; choose another path`,
    },
  ];
}
