/** What each kubectl does in a session. `$GATE` lets the Job end; the recorder and the replay open it at the first watch. */
export interface Command {
  readonly args: string;
  readonly input?: string;
  /** The recorder waits until the answer at `path` has these words: a state that lasts, so that it is the same each time. */
  readonly once?: { readonly path: string; readonly has: string };
}

const job = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'hello' },
  spec: {
    backoffLimit: 0,
    template: {
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'main',
            image: 'shell',
            command: ['sh', '-c', 'until [ -e "$GATE" ]; do sleep 0.05; done; echo hello from a pod'],
          },
        ],
      },
    },
  },
};

function configMap(name: string, data: Readonly<Record<string, string>>): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
}

const running = { path: '/apis/batch/v1/namespaces/$NS/jobs/hello', has: '"ready":1' };
const ended = { path: '/apis/batch/v1/namespaces/$NS/jobs/hello', has: '"type":"Complete"' };

/** The image of the Job. */
export const IMAGE = 'shell';

/** Get, describe, apply, create, wait, logs, delete: what people do with this system's objects. */
export const SCRIPT: readonly Command[] = [
  { args: 'create secret generic tokens --from-literal=a=b --from-literal=c=d' },
  { args: 'get secrets' },
  { args: 'get secret tokens -o jsonpath={.data}' },
  { args: 'create configmap settings --from-literal=x=y' },
  { args: 'create configmap settings --from-literal=x=y' },
  { args: 'apply --server-side -f -', input: configMap('applied', { a: '1' }) },
  { args: 'apply --server-side --field-manager=other -f -', input: configMap('applied', { a: '2' }) },
  { args: 'apply --server-side --field-manager=other --force-conflicts -f -', input: configMap('applied', { a: '2' }) },
  { args: 'apply --server-side --dry-run=server -f -', input: configMap('applied', { b: '3' }) },
  { args: 'apply -f -', input: configMap('kept', { a: '1', b: '1' }) },
  { args: 'apply -f -', input: configMap('kept', { a: '2' }) },
  { args: 'label configmap kept app=x' },
  { args: 'annotate configmap kept note=y' },
  { args: 'patch configmap kept --type=json -p [{"op":"remove","path":"/data/a"}]' },
  { args: 'get configmaps -l app=x -o yaml' },
  { args: 'create -f -', input: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"dat":{}}' },
  { args: 'create -f -', input: JSON.stringify(job) },
  { args: 'get jobs', once: running },
  { args: 'get pods -o wide' },
  { args: 'describe job hello' },
  { args: 'wait --for=condition=complete job/hello --timeout=60s' },
  { args: 'get jobs,pods', once: ended },
  { args: 'get job hello -o json' },
  { args: 'logs job/hello' },
  { args: 'logs -f job/hello --tail=1' },
  { args: 'describe pods' },
  { args: 'get events' },
  { args: 'get job absent' },
  { args: 'delete job hello' },
  { args: 'delete configmap applied kept settings' },
  { args: 'delete secret tokens' },
  { args: 'get cronjobs' },
];
