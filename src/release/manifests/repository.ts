import type { V1EnvVar } from '@kubernetes/client-node';
import type { RepositoryValues } from '../../values/service-schema.ts';
import { commonEnv } from './deployment.ts';
import type { Plain } from './plain.ts';

/** The environment of the model repository. */
export function repositoryEnv(deployment: Plain<NonNullable<RepositoryValues['deployment']>>): V1EnvVar[] {
  return [
    ...commonEnv(deployment),
    ...(deployment.repositoryGcsBucket === undefined
      ? []
      : [{ name: 'REPOSITORY_GCS_BUCKET', value: deployment.repositoryGcsBucket }]),
  ];
}
