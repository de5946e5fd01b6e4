import type { Issue } from '../errors.ts';
import type { FleaValues, RepositoryValues } from './service-schema.ts';

type Deployment = Omit<NonNullable<RepositoryValues['deployment']>, 'serviceAccount'> &
  NonNullable<FleaValues['deployment']>;
interface Component extends Pick<RepositoryValues, 'autoscaling'> {
  readonly release?: boolean | undefined;
  readonly deployment?: Partial<Deployment> | undefined;
  readonly service?: RepositoryValues['service'];
}

const NEEDS_BUCKET = 'backend: gcs keeps its state there';
const NEEDS_SIGNING = 'backend: gcs signs upload URLs with it, and the process ends at start without';

/** Values of released components that cannot work in any cluster. Values that may work are applied with a warning. */
export function serviceContradictions(values: {
  readonly repository?: RepositoryValues | undefined;
  readonly flea?: FleaValues | undefined;
}): readonly Issue[] {
  return [
    ...componentIssues(values.repository, 'repository', ({ repositoryGcsBucket }) =>
      missing('repository.deployment', { repositoryGcsBucket }, NEEDS_BUCKET),
    ),
    ...componentIssues(values.flea, 'flea', ({ fleaGcsBucket, fleaUploadGcsBucket, serviceAccount }) => [
      ...missing('flea.deployment', { fleaGcsBucket, fleaUploadGcsBucket }, NEEDS_BUCKET),
      ...missing(
        'flea.deployment.serviceAccount',
        { pemFile: serviceAccount?.pemFile, googleAccessId: serviceAccount?.googleAccessId },
        NEEDS_SIGNING,
      ),
    ]),
    ...keyFileIssues(values.flea?.deployment?.serviceAccount),
  ];
}

/** flea's Secret holds a key file and is mounted, or neither (Workload Identity). */
function keyFileIssues(account: Deployment['serviceAccount']): Issue[] {
  if (account === undefined || (account.key === undefined) === (account.mountPath === undefined)) return [];
  const { key, mountPath } = account;
  const why = 'key and mountPath belong together; leave out both for Workload Identity';
  const given = key === undefined ? { key } : { mountPath };
  return missing('flea.deployment.serviceAccount', given, why);
}

function componentIssues(
  component: Component | undefined,
  at: string,
  gcs: (deployment: Partial<Deployment>) => Issue[],
): Issue[] {
  if (component === undefined) return [];
  const deployment = component.deployment ?? {};
  return [
    ...serviceIssues(component, `${at}.service`),
    ...(component.autoscaling !== undefined && deployment.replicas !== undefined
      ? [
          {
            path: `${at}.deployment.replicas`,
            message: `is ${deployment.replicas} beside ${at}.autoscaling, which sets the number of pods: remove one of them`,
          },
        ]
      : []),
    ...(component.release === true ? imageIssues(deployment, `${at}.deployment`) : []),
    ...(component.release === true && deployment.backend === undefined
      ? missing(`${at}.deployment`, { backend: undefined }, 'write memory or gcs')
      : []),
    ...(component.release === true && deployment.backend === 'gcs' ? gcs(deployment) : []),
  ];
}

function serviceIssues(component: Component, at: string): Issue[] {
  const { grpcPort, restPort, routing, gateway } = component.service ?? {};
  const issues: Issue[] = [];
  if (grpcPort !== undefined && grpcPort === restPort) {
    issues.push({
      path: `${at}.restPort`,
      message: `is ${restPort}, as ${at}.grpcPort is: two ports of one Service must differ`,
    });
  }
  if (routing === 'gateway' && gateway === undefined) {
    issues.push({
      path: `${at}.gateway`,
      message: `is missing: ${at}.routing is gateway, so name the Gateway to attach to`,
    });
  }
  return issues;
}

function imageIssues(deployment: Partial<Deployment>, at: string): Issue[] {
  return [
    ...missing(at, { repository: deployment.repository }, 'a component that is released needs its image'),
    ...(deployment.tag === undefined && deployment.digest === undefined
      ? missing(at, { tag: undefined }, 'write the image’s tag, or its digest')
      : []),
  ];
}

function missing(at: string, fields: Readonly<Record<string, unknown>>, why: string): Issue[] {
  return Object.entries(fields).flatMap(([field, value]) =>
    value === undefined ? [{ path: `${at}.${field}`, message: `is missing: ${why}` }] : [],
  );
}
