import { paths, post } from '../step.ts';
import type { Json, Scenario, Step } from '../step.ts';

const { pods } = paths;

function dry(pod: Json = {}, container: Json = {}): Step {
  return post(`${pods}?dryRun=All`, {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i', ...container }], ...pod },
  });
}

/** What a pod may ask for. */
export const podSpecScenario: Scenario = {
  name: 'pod-spec',
  steps: [
    dry(),
    dry({ containers: [] }),
    dry({}, { env: [{ name: '', value: 'x' }] }),
    dry({}, { env: [{ name: 'a=b' }] }),
    dry({}, { env: [{ name: 'a', value: 'x', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }),
    dry({}, { env: [{ name: 'a', valueFrom: {} }] }),
    dry({}, { env: [{ name: 'a', valueFrom: { secretKeyRef: { name: '', key: '' } } }] }),
    dry(
      {},
      {
        env: [
          { name: 'a', valueFrom: { fieldRef: { fieldPath: 'foo' } } },
          { name: 'b', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'b2', valueFrom: { fieldRef: { fieldPath: '' } } },
          { name: 'b3', valueFrom: { fieldRef: { fieldPath: "metadata.labels['x']" } } },
        ],
      },
    ),
    dry(
      {},
      {
        env: [
          { name: 'a', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          { name: 'b', valueFrom: { resourceFieldRef: { resource: 'foo' } } },
        ],
      },
    ),
    dry({}, { envFrom: [{ secretRef: { name: '' } }, { configMapRef: { name: 'x' } }, {}] }),
    {
      ...dry(
        {},
        {
          env: [
            { name: 'a', value: '1' },
            { name: 'a', value: '2' },
          ],
        },
      ),
      ignore: ['warning'],
    },
    dry({}, { volumeMounts: [{ name: 'nope', mountPath: '/x' }] }),
    dry(
      { volumes: [{ name: 'v', emptyDir: {} }] },
      {
        volumeMounts: [
          { name: 'v', mountPath: '/x' },
          { name: 'v', mountPath: '/x' },
        ],
      },
    ),
    dry(
      { volumes: [{ name: 'v', emptyDir: {} }] },
      {
        volumeMounts: [
          { name: 'v', mountPath: '' },
          { name: '', mountPath: '/y' },
          { name: 'v', mountPath: '/z', subPath: '../x' },
        ],
      },
    ),
    dry({ volumes: [{ name: 'v' }, { name: 'v', emptyDir: {} }] }),
    dry({ volumes: [{ name: 'Bad_Name', emptyDir: {} }] }),
    dry({ volumes: [{ name: 'v', emptyDir: {}, secret: { secretName: 'x' } }] }),
    dry({ volumes: [{ name: 'v', secret: { secretName: '' } }] }),
    dry({
      volumes: [
        {
          name: 'v',
          secret: {
            secretName: 's',
            items: [
              { key: '', path: '' },
              { key: 'a', path: '/abs' },
              { key: 'b', path: '../x' },
            ],
            defaultMode: 4000,
          },
        },
      ],
    }),
    dry({ volumes: [{ name: 'v', configMap: { name: '' } }] }),
    dry({ volumes: [{ name: 'v', hostPath: { path: '' } }] }),
    dry({ volumes: [{ name: 'v', hostPath: { path: '/x/..', type: 'Foo' } }] }),
    dry({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: '' } }] }),
    dry({ volumes: [{ name: 'v', emptyDir: { medium: 'Foo', sizeLimit: '-1' } }] }),
    dry({
      volumes: [
        {
          name: 'v',
          projected: {
            sources: [
              { secret: { name: 's' } },
              { configMap: { name: 'c' } },
              { downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } },
              { serviceAccountToken: { path: 't' } },
            ],
          },
        },
      ],
    }),
    dry({
      volumes: [{ name: 'v', csi: { driver: 'gcsfuse.csi.storage.gke.io', volumeAttributes: { bucketName: 'b' } } }],
    }),
    dry({}, { resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '2' } } }),
    dry({}, { resources: { requests: { cpu: '-1' } } }),
    dry({}, { resources: { requests: { cpu: 'abc' } } }),
    dry({}, { resources: { limits: { 'bad name': '1' } } }),
    dry({}, { resources: { limits: { foo: '1' } } }),
    dry({}, { resources: { limits: { 'nvidia.com/gpu': '1' } } }),
    dry({}, { resources: { requests: { 'nvidia.com/gpu': '1' } } }),
    dry({}, { resources: { limits: { cpu: '0.5', memory: '1024Mi', 'ephemeral-storage': '1.5Gi' } } }),
    { ...dry({}, { resources: { limits: { memory: '100m', cpu: '0.0001' } } }), ignore: ['warning'] },
    dry({}, { resources: { limits: { memory: '1e3' } } }),
    { ...dry({}, { resources: { limits: { memory: '1.5' } } }), ignore: ['warning'] },
    dry({}, { resources: { limits: { memory: '12345678' } } }),
    dry({}, { resources: { limits: { memory: '0x10' } } }),
    dry({}, { resources: { limits: { memory: '1 Gi' } } }),
    dry({}, { resources: { limits: { memory: '2000000Ki', cpu: '1500m' } } }),
    dry(
      {},
      {
        ports: [
          { containerPort: 0 },
          { containerPort: 70000 },
          { containerPort: 80, name: 'Bad Port Name Long Long' },
          { containerPort: 81, name: 'x' },
          { containerPort: 82, name: 'x' },
          { containerPort: 83, protocol: 'Foo' },
        ],
      },
    ),
    dry(
      {},
      {
        ports: [
          { containerPort: 80, hostPort: 80 },
          { containerPort: 81, hostPort: 80 },
        ],
      },
    ),
    dry({ restartPolicy: 'Foo' }),
    dry({ dnsPolicy: 'Foo' }),
    dry({ nodeSelector: { 'bad key': 'v' } }),
    dry({ nodeName: 'n1' }),
    dry({ serviceAccountName: 'Bad_SA' }),
    dry({ serviceAccount: 'sa' }),
    dry({ terminationGracePeriodSeconds: -1 }),
    dry({ activeDeadlineSeconds: 0 }),
    dry({
      tolerations: [
        { key: 'a', operator: 'Foo' },
        { operator: 'Equal' },
        { key: 'b', operator: 'Exists', value: 'x' },
        { key: 'c', effect: 'Foo' },
        { key: 'd', effect: 'NoSchedule', tolerationSeconds: 3 },
      ],
    }),
    dry({ tolerations: [{ operator: 'Exists' }] }),
    dry({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } }),
    dry({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: 'a', operator: 'In', values: [] },
                  { key: 'b', operator: 'Foo' },
                ],
              },
            ],
          },
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }],
        },
      },
    }),
    dry({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: '', labelSelector: { matchLabels: { 'a b': 'c' } } },
          ],
        },
      },
    }),
    dry({ priorityClassName: 'foo' }),
    dry({ priorityClassName: 'system-node-critical' }),
    dry({ runtimeClassName: 'foo' }),
    { ...dry({ imagePullSecrets: [{ name: '' }, { name: 'a' }] }), ignore: ['warning'] },
    dry({ hostNetwork: true }, { ports: [{ containerPort: 80 }] }),
    dry({ initContainers: [{ name: 'c', image: 'x' }] }),
    dry({ initContainers: [{ name: 'i', image: 'x', livenessProbe: { exec: { command: ['x'] } } }] }),
    dry({ hostAliases: [{ ip: 'x', hostnames: ['a b'] }] }),
    dry({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'x' }] }),
    dry({ overhead: { cpu: '1' } }),
    dry({ priority: 3 }),
    dry({ schedulingGates: [{ name: 'x' }] }),
    dry({ os: { name: 'foo' } }),
    dry({ hostname: 'Bad_', subdomain: 'Bad_' }),
    dry({ preemptionPolicy: 'Foo' }),
    dry({}, { livenessProbe: {} }),
    dry({}, { livenessProbe: { httpGet: { port: 'x' } } }),
    dry({}, { livenessProbe: { httpGet: { port: 0 } } }),
    dry({}, { readinessProbe: { httpGet: { port: 80 }, exec: { command: [] }, timeoutSeconds: -1 } }),
    dry({}, { livenessProbe: { tcpSocket: { port: 8080 }, successThreshold: 2 } }),
    dry({}, { startupProbe: { grpc: { port: 5000 } } }),
    dry({}, { lifecycle: { preStop: {} } }),
    dry({}, { lifecycle: { preStop: { exec: { command: ['x'] } }, postStart: { httpGet: { port: 80, path: 'x' } } } }),
    dry(
      {},
      {
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          runAsNonRoot: true,
          runAsUser: 1000,
          seccompProfile: { type: 'RuntimeDefault' },
          readOnlyRootFilesystem: true,
        },
      },
    ),
    {
      ...dry({}, { securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
      differs: 'the value is shown as JSON, not as the Go struct',
    },
    dry({}, { securityContext: { runAsUser: -1, seccompProfile: { type: 'Foo' } } }),
    dry({
      securityContext: {
        runAsUser: -1,
        fsGroup: -1,
        supplementalGroups: [-1],
        seccompProfile: { type: 'Localhost' },
        sysctls: [{ name: '', value: 'x' }],
      },
    }),
    dry({}, { securityContext: { procMount: 'Foo' } }),
    dry({}, { terminationMessagePath: 'x', workingDir: 'rel', command: [], args: [] }),
    dry({}, { image: ' bad' }),
    dry({}, { stdin: false, tty: true }),
    dry({}, { image: 'a/b:latest' }),
    dry({}, { image: 'a/b:v1' }),
    dry({}, { image: 'a/b@sha256:' + 'a'.repeat(64) }),
    dry({}, { image: 'localhost:5000/x' }),
    dry({}, { image: 'a/b:v1@sha256:' + 'a'.repeat(64) }),
    dry({}, { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] }),
    dry({ automountServiceAccountToken: false, enableServiceLinks: false, shareProcessNamespace: true }),
  ],
};
