import type { KubeObject } from '../cluster/release-port.ts';
import { ConflictError, NotFoundError } from '../errors.ts';
import type { Allowances } from '../jobs/allowed.ts';
import type { CheckSecret } from '../jobs/secrets.ts';
import { specHash } from '../jobs/spec.ts';
import { buildRunRequest } from '../runs/request.ts';
import type { RunRequest } from '../runs/request.ts';
import { isJsonObject } from '../values/json.ts';
import { parseValues } from '../values/parse-values.ts';
import type { Values } from '../values/parse-values.ts';
import { InvalidReleaseError } from './errors.ts';
import { currentOf, revisionOf } from './history.ts';
import type { ReleaseState } from './history.ts';
import { RENDERER_VERSION, releasedComponents, renderRelease } from './manifests/render.ts';
import type { ComponentName } from './names.ts';
import type { Takeover } from './ownership.ts';
import type { Revision } from './records.ts';
import type { DeployRequest } from './request.ts';
import { adviseRelease, buildNotes, revisionIssues } from './validate.ts';

/** The desired state of the release. */
export interface Desired {
  readonly description: string;
  readonly objects: readonly KubeObject[];
  /** The values document, stored with the revision. */
  readonly document: unknown;
  readonly hash: string;
  readonly rendererVersion: string;
  readonly takeover: Takeover;
  readonly restartedAt: Readonly<Partial<Record<ComponentName, string>>>;
  readonly checkSecrets: readonly CheckSecret[];
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
  readonly aggregation?: RunRequest;
}

type Restarts = Partial<Record<ComponentName, string>>;

/**
 * The desired state of a request. `now` is the time of a requested restart. Throws NotFoundError, ConflictError and
 * InvalidReleaseError for a revision that cannot be restored, and InvalidRequestError for the aggregation.
 */
export function buildDesired(
  request: DeployRequest,
  state: ReleaseState,
  { now, allowed }: { readonly now: Date; readonly allowed: Allowances },
): Desired {
  const { source } = request;
  if (source.kind === 'revision')
    return fromRevision(request, chooseRevision(request, source.revision, state), allowed);
  return fromValues(request, source.values, source.document, currentOf(state), now);
}

function fromRevision(request: DeployRequest, revision: Revision, allowed: Allowances): Desired {
  const { release, namespace } = request;
  const values = valuesOf(revision);
  const issues = revisionIssues(revision.objects, allowed);
  if (issues.length > 0) throw new InvalidReleaseError(issues, { details: { outcome: 'invalid' } });
  return {
    description: request.description ?? `rollback to ${revision.revision}`,
    objects: revision.objects,
    document: revision.values,
    hash: revision.hash,
    rendererVersion: revision.rendererVersion,
    // A rollback takes back every field that the release owned. A revision from before an adoption has fields of helm.
    takeover: { adopt: revision.rendererVersion === 'found', force: true },
    restartedAt: revision.restartedAt,
    checkSecrets: [],
    warnings: values === null ? [] : adviseRelease(values, { release, namespace }),
    notes: values === null ? [] : buildNotes(values, { release, namespace }),
  };
}

function valuesOf(revision: Revision): Values | null {
  if (!isJsonObject(revision.values)) return null;
  try {
    return parseValues(revision.values);
  } catch {
    // The rules are stricter now; the stored objects still apply.
    return null;
  }
}

function chooseRevision(request: DeployRequest, asked: number | undefined, state: ReleaseState): Revision {
  const { release } = request;
  const wanted = asked ?? state.revisions.findLast(({ status }) => status === 'superseded')?.revision;
  const found = revisionOf(state, wanted);
  const kept = state.revisions.map(({ revision, status }) => `${revision} (${status})`).join(', ');
  if (found === undefined) {
    const what = asked === undefined ? 'no revision before the current one' : `no revision ${asked}`;
    throw new NotFoundError(`Release "${release}" has ${what}. It has: ${kept === '' ? 'none' : kept}.`);
  }
  if (found.status === 'deployed' || found.status === 'superseded') return found;
  throw new ConflictError(
    `Revision ${found.revision} of "${release}" never ran (${found.status}${found.reason === undefined ? '' : `: ${found.reason}`}). It has: ${kept}.`,
    { details: { outcome: 'conflict', status: found.status } },
  );
}

function fromValues(
  request: DeployRequest,
  values: Values,
  document: unknown,
  current: Revision | undefined,
  now: Date,
): Desired {
  const { release, namespace, requestedBy } = request;
  const restartedAt = restartsOf(values, current, now);
  const objects = renderRelease(values, { release, namespace, restartedAt });
  const where = { release, namespace };
  const context = { now, defaults: { namespace, releaseName: release } };
  return {
    description: request.description ?? 'deploy',
    objects,
    document,
    hash: specHash(objects),
    rendererVersion: RENDERER_VERSION,
    takeover: { adopt: request.adopt, force: request.force },
    restartedAt,
    checkSecrets: values.checkSecrets,
    warnings: [...adviseRelease(values, where), ...latestWarnings(values)],
    notes: buildNotes(values, where),
    ...(values.aggregator?.release === true && {
      aggregation: buildRunRequest(values, { ...context, ...(requestedBy !== undefined && { requestedBy }) }),
    }),
  };
}

/** The annotation of a requested restart is kept: removing it would roll the pods again. */
function restartsOf(values: Values, current: Revision | undefined, now: Date): Restarts {
  const restarts: Restarts = {};
  for (const name of releasedComponents(values)) {
    const kept = current?.restartedAt[name];
    const at = values[name]?.deployment?.restart === true ? now.toISOString() : kept;
    if (at !== undefined) restarts[name] = at;
  }
  return restarts;
}

function latestWarnings(values: Values): string[] {
  return releasedComponents(values).flatMap((name) => {
    const { tag, digest, restart } = values[name]?.deployment ?? {};
    if (tag !== 'latest' || digest !== undefined || restart === true) return [];
    return [
      `${name}.deployment.tag is latest: a newer image of that tag is not rolled out unless restart: true is given; name a tag or a digest.`,
    ];
  });
}
