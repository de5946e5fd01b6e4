import type { V1Deployment, V1EnvVar, V1PodSpec, V1Probe, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { imageOf } from '../../jobs/spec.ts';
import type { FleaValues, RepositoryValues } from '../../values/service-schema.ts';
import { deploymentName } from '../names.ts';
import type { Component, RenderContext } from './component.ts';
import { labelsOf, selectorOf } from './labels.ts';
import type { Plain } from './plain.ts';

type AnyDeployment = NonNullable<RepositoryValues['deployment']> | NonNullable<FleaValues['deployment']>;
/** The fields that both components' `deployment` has. */
export type DeploymentValues = Plain<Pick<AnyDeployment, keyof AnyDeployment>>;

export const RESTARTED_AT = 'tensorio-trigger/restarted-at';
/** Where the token file is mounted when `authTokensFile` does not say. */
const TOKENS_FOLDER = '/etc/tensorio-models/tokens';

/** The path, in the container, of the token file that a Secret holds. */
export function tokensPathOf(deployment: DeploymentValues): string | undefined {
  if (deployment.authTokensSecret === undefined) return undefined;
  return deployment.authTokensFile ?? `${TOKENS_FOLDER}/${deployment.authTokensSecret.key}`;
}

/** Folders that Secrets are mounted at; two may not be the same. */
export function mountFolders(deployment: DeploymentValues): string[] {
  const tokens = tokensPathOf(deployment);
  return [
    ...(deployment.serviceAccount === undefined ? [] : [withoutSlash(deployment.serviceAccount.mountPath)]),
    ...(tokens === undefined ? [] : [folderOf(tokens)]),
  ];
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** The environment that both components read. */
export function commonEnv(deployment: DeploymentValues): V1EnvVar[] {
  const account = deployment.serviceAccount;
  const tokens = tokensPathOf(deployment) ?? deployment.authTokensFile;
  return [
    { name: 'BACKEND', value: deployment.backend ?? 'memory' },
    ...(tokens === undefined ? [] : [{ name: 'AUTH_TOKENS_FILE', value: tokens }]),
    ...(account === undefined
      ? []
      : [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', value: `${withoutSlash(account.mountPath)}/${account.key}` }]),
  ];
}

/** The complete Deployment `R-<component>`. */
export function buildDeployment(
  component: Component,
  deployment: DeploymentValues,
  env: readonly V1EnvVar[],
  context: RenderContext,
): V1Deployment {
  const { release, namespace } = context;
  const { replicas, progressDeadlineSeconds } = deployment;
  const restartedAt = context.restartedAt[component.name];
  const annotations = {
    ...deployment.podAnnotations,
    ...(restartedAt !== undefined && { [RESTARTED_AT]: restartedAt }),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: deploymentName(release, component.name),
      namespace,
      labels: labelsOf(component, release),
    },
    spec: {
      // A field that the values leave out belongs to others: replicas to an autoscaler, for example.
      ...(replicas !== undefined && { replicas }),
      ...(progressDeadlineSeconds !== undefined && { progressDeadlineSeconds }),
      selector: { matchLabels: selectorOf(component, release) },
      template: {
        metadata: {
          labels: { ...deployment.podLabels, ...selectorOf(component, release) },
          ...(Object.keys(annotations).length > 0 && { annotations }),
        },
        spec: podSpecOf(component, deployment, env),
      },
    },
  };
}

function podSpecOf(component: Component, deployment: DeploymentValues, env: readonly V1EnvVar[]): V1PodSpec {
  const { volumes, volumeMounts } = volumesOf(deployment);
  const { repository = '', tag, digest, serviceAccountName, imagePullSecrets } = deployment;
  return {
    // A token is mounted only for a service account that was asked for (Workload Identity).
    automountServiceAccountToken: serviceAccountName !== undefined,
    // Both, for the API server fills in the deprecated one as nobody's: an apply that drops only the other one is undone
    // by it. https://github.com/kubernetes/kubernetes/issues/108208
    ...(serviceAccountName !== undefined && { serviceAccountName, serviceAccount: serviceAccountName }),
    ...(imagePullSecrets !== undefined && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    securityContext: { seccompProfile: { type: 'RuntimeDefault' }, ...deployment.podSecurityContext },
    ...(deployment.nodeSelector !== undefined && { nodeSelector: deployment.nodeSelector }),
    ...(deployment.tolerations !== undefined && { tolerations: deployment.tolerations }),
    ...(deployment.affinity !== undefined && { affinity: deployment.affinity }),
    ...(deployment.priorityClassName !== undefined && { priorityClassName: deployment.priorityClassName }),
    containers: [
      {
        name: component.name,
        image: imageOf({ repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }),
        ...(deployment.pullPolicy !== undefined && { imagePullPolicy: deployment.pullPolicy }),
        args: ['-backend', '$(BACKEND)'],
        env: [...env],
        ports: [
          { name: 'grpc', containerPort: component.grpcPort, protocol: 'TCP' },
          { name: 'rest', containerPort: component.restPort, protocol: 'TCP' },
        ],
        livenessProbe: probeOf(component),
        readinessProbe: probeOf(component),
        ...(deployment.resources !== undefined && { resources: deployment.resources }),
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          ...deployment.securityContext,
        },
        // The last lines of the log outlive the container, and say why it ended.
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
  if (account !== undefined) {
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
