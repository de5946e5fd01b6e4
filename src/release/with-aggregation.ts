import { buildJob } from '../jobs/manifest.ts';
import { launch } from '../runs/launch.ts';
import { buildJobName } from '../jobs/names.ts';
import type { RunRequest } from '../runs/request.ts';
import { AppError } from '../errors.ts';
import { buildLaunchAnswer } from '../runs/answer.ts';
import type { RunAnswer } from '../runs/answer.ts';
import type { AggregationAnswer } from './answer.ts';
import type { ReleaseDeps } from './deps.ts';
import type { PreflightInput } from './preflight.ts';

/** The pod that the aggregation will run, for the preflight. */
export function aggregatorPod(request: RunRequest): PreflightInput['aggregator'] {
  const { name } = buildJobName(request.spec.releaseName, request.spec.aggregationId);
  const podSpec = buildJob(request.spec, { name }).spec?.template.spec;
  return podSpec === undefined ? undefined : { podSpec, namespace: request.spec.namespace };
}

/** Everything but the writes: throws before the release is touched what would be refused once it is deployed. */
export async function checkAggregation(
  deps: ReleaseDeps,
  request: RunRequest,
  signal: AbortSignal,
): Promise<RunAnswer> {
  return buildLaunchAnswer(await launch(deps.launch, request, { dryRun: true, signal }));
}

/** Launches it as `aggregate` does; the release is deployed by then, so that a refusal is told, not thrown. */
export async function launchAggregation(
  deps: ReleaseDeps,
  request: RunRequest,
  signal: AbortSignal,
): Promise<AggregationAnswer> {
  try {
    return buildLaunchAnswer(await launch(deps.launch, request, { dryRun: false, signal }));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { outcome: 'failed', code: error.code, detail: error.message };
  }
}
