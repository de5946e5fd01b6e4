import type { V1Deployment, V1EnvVar, V1PodSpec, V1Probe, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { mergePodSpec } from '../../jobs/pod-overlay.ts';
import { imageOf } from '../../jobs/spec.ts';
import type { FleaValues, RepositoryValues } from '../../values/service-schema.ts';
import { deploymentName, labelsOf, selectorOf, serviceName } from '../names.ts';
import { COMPONENTS } from './component.ts';
import type { Component, Plain, RenderContext } from './component.ts';

/** The fields of both components' `deployment`. */
export type DeploymentValues = Plain<
  NonNullable<FleaValues['deployment']> & Pick<NonNullable<RepositoryValues['deployment']>, 'repositoryGcsBucket'>
>;

export const RESTARTED_AT = 'tensorio-trigger/restarted-at';
/** The default folder of the token file. */
const TOKENS_FOLDER = '/etc/tensorio-models/tokens';

/** The path of the mounted token file in the container. */
export function tokensPathOf(deployment: DeploymentValues): string | undefined {
  if (deployment.authTokensSecret === undefined) return undefined;
  return deployment.authTokensFile ?? `${TOKENS_FOLDER}/${deployment.authTokensSecret.key}`;
}

/** The mount paths of the Secrets, which must differ. */
export function mountFolders(deployment: DeploymentValues): string[] {
  const tokens = tokensPathOf(deployment);
  return [
    ...(deployment.serviceAccount?.mountPath === undefined ? [] : [withoutSlash(deployment.serviceAccount.mountPath)]),
    ...(tokens === undefined ? [] : [folderOf(tokens)]),
  ];
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** The complete Deployment `R-<component>`. */
export function buildDeployment(
  component: Component,
  deployment: DeploymentValues,
  modelsUri: string | undefined,
  context: RenderContext,
): V1Deployment {
  const { release, namespace } = context;
  const { replicas, metadata = {}, podLabels, podAnnotations } = deployment;
  const restartedAt = context.restartedAt[component.name];
  const annotations = { ...podAnnotations, ...(restartedAt !== undefined && { [RESTARTED_AT]: restartedAt }) };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: deploymentName(release, component.name),
      namespace,
      labels: { ...metadata.labels, ...labelsOf(component, context) },
      ...(metadata.annotations !== undefined && { annotations: metadata.annotations }),
    },
    spec: {
      ...deployment.spec,
      // A field that the values leave out belongs to others: replicas to an autoscaler, for example.
      ...(replicas !== undefined && { replicas }),
      selector: { matchLabels: selectorOf(component, context) },
      template: {
        metadata: {
          labels: { ...podLabels, ...selectorOf(component, context) },
          ...(Object.keys(annotations).length > 0 && { annotations }),
        },
        spec: withAccount(mergePodSpec(podSpecOf(component, deployment, modelsUri), deployment.pod ?? {})),
      },
    },
  };
}

/**
 * Both fields of the service account: the API server copies the name to the deprecated `serviceAccount`, which no manager
 * then owns, and an apply without the name would not remove it. https://github.com/kubernetes/kubernetes/issues/108208
 */
function withAccount(pod: V1PodSpec): V1PodSpec {
  const name = pod.serviceAccountName ?? pod.serviceAccount;
  return name === undefined ? pod : Object.assign(pod, { serviceAccountName: name, serviceAccount: name });
}

function podSpecOf(component: Component, deployment: DeploymentValues, modelsUri: string | undefined): V1PodSpec {
  const { volumes, volumeMounts } = volumesOf(deployment);
  const { repository = '', tag, digest } = deployment;
  return {
    // A token is mounted only for a service account that the values name (Workload Identity).
    automountServiceAccountToken:
      (deployment.pod?.['serviceAccountName'] ?? deployment.pod?.['serviceAccount']) !== undefined,
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: component.name,
        image: imageOf({ repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }),
        ...(deployment.pullPolicy !== undefined && { imagePullPolicy: deployment.pullPolicy }),
        args: ['-backend', '$(BACKEND)'],
        env: envOf(deployment, modelsUri),
        ports: [
          { name: 'grpc', containerPort: component.grpcPort, protocol: 'TCP' },
          { name: 'rest', containerPort: component.restPort, protocol: 'TCP' },
        ],
        livenessProbe: probeOf(component),
        readinessProbe: probeOf(component),
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        // The last lines of the log become the termination message, which reports why the container ended.
        terminationMessagePolicy: 'FallbackToLogsOnError',
        ...(volumeMounts.length > 0 && { volumeMounts }),
      },
    ],
    ...(volumes.length > 0 && { volumes }),
  };
}

function volumesOf(deployment: DeploymentValues): { volumes: V1Volume[]; volumeMounts: V1VolumeMount[] } {
  const account = deployment.serviceAccount;
  const tokens = deployment.authTokensSecret;
  const path = tokensPathOf(deployment);
  const volumes: V1Volume[] = [];
  const volumeMounts: V1VolumeMount[] = [];
  if (account?.mountPath !== undefined) {
    // The whole Secret, as the chart mounts it: the token file of backend memory may be another of its keys.
    volumes.push({ name: 'sacred', secret: { secretName: account.secret } });
    volumeMounts.push({ name: 'sacred', mountPath: withoutSlash(account.mountPath), readOnly: true });
  }
  if (tokens !== undefined && path !== undefined) {
    const items = [{ key: tokens.key, path: fileOf(path) }];
    volumes.push({ name: 'auth-tokens', secret: { secretName: tokens.secret, items } });
    volumeMounts.push({ name: 'auth-tokens', mountPath: folderOf(path), readOnly: true });
  }
  return { volumes, volumeMounts };
}

function fileOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function probeOf(component: Component): V1Probe {
  return { httpGet: { path: component.healthPath, port: 'rest' } };
}

/** flea appends `/models/<model>/...` to MODELS_URI; the repository answers 404 to every path that is not below this one. */
const API_PATH = '/v1/repository';

/**
 * The base URL of the links that flea hands to devices: the value of `modelsUri`, else the repository's route, else its
 * Service. The chart wrote the host name and the path only, without the scheme and the `/rest` of its own route.
 */
export function modelsUriOf(
  deployment: Pick<DeploymentValues, 'modelsUri'>,
  repository: RepositoryValues | undefined,
  context: Omit<RenderContext, 'restartedAt'>,
): { readonly uri: string | undefined; readonly from: 'values' | 'hostname' | 'service' | 'nothing' } {
  if (deployment.modelsUri !== undefined) return { uri: deployment.modelsUri, from: 'values' };
  const { hostname, routing = 'ambassador', restPort } = repository?.service ?? {};
  if (hostname !== undefined && !hostname.startsWith('*')) {
    return { uri: `http://${hostname}${routing === 'none' ? '' : '/rest'}${API_PATH}`, from: 'hostname' };
  }
  if (repository?.release !== true) return { uri: undefined, from: 'nothing' };
  const host = `${serviceName(context, 'repository')}.${context.namespace}.svc`;
  return { uri: `http://${host}:${restPort ?? COMPONENTS.repository.restPort}${API_PATH}`, from: 'service' };
}

/** The environment of a component. */
function envOf(deployment: DeploymentValues, modelsUri: string | undefined): V1EnvVar[] {
  const { serviceAccount: account } = deployment;
  const texts = {
    BACKEND: deployment.backend ?? 'memory',
    AUTH_TOKENS_FILE: tokensPathOf(deployment) ?? deployment.authTokensFile,
    GOOGLE_APPLICATION_CREDENTIALS:
      account?.mountPath === undefined ? undefined : `${withoutSlash(account.mountPath)}/${account.key}`,
    REPOSITORY_GCS_BUCKET: deployment.repositoryGcsBucket,
    MODELS_URI: modelsUri,
    FLEA_GCS_BUCKET: deployment.fleaGcsBucket,
    FLEA_UPLOAD_GCS_BUCKET: deployment.fleaUploadGcsBucket,
  };
  const keys = { PRIVATE_PEM_KEY: account?.pemFile, GOOGLE_ACCESS_ID: account?.googleAccessId };
  return [
    ...Object.entries(texts).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }])),
    ...Object.entries(keys).flatMap(([name, key]) =>
      account === undefined || key === undefined
        ? []
        : [{ name, valueFrom: { secretKeyRef: { name: account.secret, key } } }],
    ),
  ];
}
