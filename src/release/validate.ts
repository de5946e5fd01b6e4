import type { Allowances } from '../jobs/allowed.ts';
import { allowedPodIssues, imageIssue, namespaceIssue } from '../jobs/allowed.ts';
import type { KubeObject } from '../cluster/release-port.ts';
import type { Issue } from '../errors.ts';
import type { Values } from '../values/parse-values.ts';
import type { DeploymentValues } from './manifests/deployment.ts';
import { mountFolders } from './manifests/deployment.ts';
import { InvalidReleaseError } from './errors.ts';
import { plain } from './manifests/plain.ts';
import { podSpecsOf } from './objects.ts';
import { releasedComponents } from './manifests/render.ts';
import type { ComponentName } from './names.ts';
import { releaseNameProblem } from './names.ts';

const NOTHING: Issue = {
  path: '',
  message: 'nothing to deploy: none of repository.release, flea.release and aggregator.release is true',
};

/** What is wrong with the name of a release, whatever its values. */
export function releaseIssues(release: string, components: readonly ComponentName[]): Issue[] {
  const problem = releaseNameProblem(release, components);
  return problem === null ? [] : [{ path: 'release', message: `"${release.slice(0, 80)}" ${problem}` }];
}

/** Everything that this release cannot be deployed for, beyond the schema of the values: all of it, at once. */
export function validateRelease(
  values: Values,
  release: string,
  namespace: string,
  allowed: Allowances,
): readonly Issue[] {
  const components = releasedComponents(values);
  const namespaceProblem = namespaceIssue(allowed, 'namespace', namespace);
  return [
    ...(components.length === 0 && values.aggregator?.release !== true ? [NOTHING] : []),
    ...releaseIssues(release, components),
    ...(namespaceProblem === null ? [] : [namespaceProblem]),
    ...components.flatMap((name) => [...imageIssues(values, name, allowed), ...mountIssues(values, name)]),
    ...bucketIssues(values, allowed),
    ...checkIssues(values, allowed),
  ];
}

function imageIssues(values: Values, name: ComponentName, allowed: Allowances): Issue[] {
  const issue = imageIssue(allowed, `${name}.deployment.repository`, deploymentOf(values, name).repository ?? '');
  return issue === null ? [] : [issue];
}

function deploymentOf(values: Values, name: ComponentName): DeploymentValues {
  return plain(values[name]?.deployment ?? {});
}

function mountIssues(values: Values, name: ComponentName): Issue[] {
  const deployment = deploymentOf(values, name);
  const at = `${name}.deployment`;
  const issues: Issue[] = [];
  if (deployment.authTokensSecret !== undefined && deployment.backend === 'gcs') {
    const message = 'cannot stand beside backend: gcs, which reads authTokensFile from its bucket: leave it out';
    return [{ path: `${at}.authTokensSecret`, message }];
  }
  if (deployment.authTokensSecret !== undefined && deployment.authTokensFile?.startsWith('/') === false) {
    const message =
      'is not a path from the root: the token file is mounted there, so write one such as /etc/tokens/AuthTokens.txt';
    issues.push({ path: `${at}.authTokensFile`, message });
  }
  const folders = mountFolders(deployment);
  if (new Set(folders).size < folders.length) {
    const message = `is in the folder ${folders[0]}, where serviceAccount is mounted: two Secrets cannot be mounted at one folder`;
    issues.push({ path: `${at}.authTokensFile`, message });
  }
  return issues;
}

function bucketIssues(values: Values, allowed: Allowances): Issue[] {
  const used: readonly (readonly [string, string | undefined])[] = [
    ['repository.deployment.repositoryGcsBucket', values.repository?.deployment?.repositoryGcsBucket],
    ['flea.deployment.fleaGcsBucket', values.flea?.deployment?.fleaGcsBucket],
    ['flea.deployment.fleaUploadGcsBucket', values.flea?.deployment?.fleaUploadGcsBucket],
  ];
  const released = releasedComponents(values);
  return used.flatMap(([path, bucket]) => {
    const isReleased = released.some((name) => path.startsWith(`${name}.`));
    if (!isReleased || bucket === undefined || allowed.buckets.includes(bucket)) return [];
    return [
      { path, message: `bucket "${bucket}" is not allowed by ALLOWED_BUCKETS; allowed: ${listed(allowed.buckets)}` },
    ];
  });
}

function listed(entries: readonly string[]): string {
  return entries.length === 0 ? 'none' : entries.join(', ');
}

function checkIssues(values: Values, allowed: Allowances): Issue[] {
  return values.checkSecrets.flatMap(({ namespace }, index) => {
    const issue =
      namespace === undefined ? null : namespaceIssue(allowed, `checkSecrets[${index}].namespace`, namespace);
    return issue === null ? [] : [issue];
  });
}

/**
 * What configuration does not allow any more of a revision that is asked for: it may be older than an allowance that was
 * taken back. `values` are those of the revision, `null` where it has none that can be read.
 */
export function revisionIssues(
  objects: readonly KubeObject[],
  values: Values | null,
  allowed: Allowances,
): readonly Issue[] {
  return [
    ...objects.flatMap((object) =>
      podSpecsOf(object).flatMap((pod) => allowedPodIssues(allowed, `${object.kind}/${object.metadata.name}`, pod)),
    ),
    ...(values === null ? [] : bucketIssues(values, allowed)),
  ];
}

/** Throws InvalidReleaseError for a release or a namespace that a call names and that cannot be. */
export function assertSite(release: string, namespace: string | undefined, allowed: Allowances): void {
  const problem = namespace === undefined ? null : namespaceIssue(allowed, '?namespace', namespace);
  const issues = [...releaseIssues(release, []), ...(problem === null ? [] : [problem])];
  if (issues.length > 0) throw new InvalidReleaseError(issues, { details: { outcome: 'invalid' } });
}
