import type { V1EnvVar } from '@kubernetes/client-node';
import type { FleaValues, RepositoryValues } from '../../values/service-schema.ts';
import { serviceName } from '../names.ts';
import { COMPONENTS } from './component.ts';
import type { RenderContext } from './component.ts';
import { commonEnv } from './deployment.ts';
import type { Plain } from './plain.ts';

type FleaDeployment = Plain<NonNullable<FleaValues['deployment']>>;

/** flea appends `/models/<model>/...` to MODELS_URI; the repository answers 404 to every path that is not below this one. */
const API_PATH = '/v1/repository';

/**
 * The base URL of the links that flea hands to devices: the value of `modelsUri`, else the repository's route, else its
 * Service. The chart wrote the host name and the path only, without the scheme and the `/rest` of its own route.
 */
export function modelsUriOf(
  deployment: Pick<FleaDeployment, 'modelsUri'>,
  repository: RepositoryValues | undefined,
  context: Pick<RenderContext, 'release' | 'namespace'>,
): { readonly uri: string | undefined; readonly from: 'values' | 'hostname' | 'service' | 'nothing' } {
  if (deployment.modelsUri !== undefined) return { uri: deployment.modelsUri, from: 'values' };
  const { hostname, routing = 'ambassador', restPort } = repository?.service ?? {};
  if (hostname !== undefined && !hostname.startsWith('*')) {
    return { uri: `http://${hostname}${routing === 'none' ? '' : '/rest'}${API_PATH}`, from: 'hostname' };
  }
  if (repository?.release !== true) return { uri: undefined, from: 'nothing' };
  const host = `${serviceName(context.release, 'repository')}.${context.namespace}.svc`;
  return { uri: `http://${host}:${restPort ?? COMPONENTS.repository.restPort}${API_PATH}`, from: 'service' };
}

/** The environment of the task server. */
export function fleaEnv(deployment: FleaDeployment, modelsUri: string | undefined): V1EnvVar[] {
  const account = deployment.serviceAccount;
  return [
    ...commonEnv(deployment),
    ...textEnv('MODELS_URI', modelsUri),
    ...textEnv('FLEA_GCS_BUCKET', deployment.fleaGcsBucket),
    ...textEnv('FLEA_UPLOAD_GCS_BUCKET', deployment.fleaUploadGcsBucket),
    ...secretEnv('PRIVATE_PEM_KEY', account?.secret, account?.pemFile),
    ...secretEnv('GOOGLE_ACCESS_ID', account?.secret, account?.googleAccessId),
  ];
}

function textEnv(name: string, value: string | undefined): V1EnvVar[] {
  return value === undefined ? [] : [{ name, value }];
}

function secretEnv(name: string, secret: string | undefined, key: string | undefined): V1EnvVar[] {
  return secret === undefined || key === undefined
    ? []
    : [{ name, valueFrom: { secretKeyRef: { name: secret, key } } }];
}
