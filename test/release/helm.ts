import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import type { ReleaseWorld } from './world.ts';

const CHART = fileURLToPath(new URL('../fixtures/release/chart', import.meta.url));

const findHelm = (): string | null => {
  const program = process.env['HELM'] ?? 'helm';
  try {
    execFileSync(program, ['version', '--short'], { stdio: 'ignore' });
    return program;
  } catch {
    return null;
  }
};

/** helm, from HELM or the PATH; `null` where there is none. */
export const HELM = findHelm();

/** `helm install` of the chart in test/fixtures. */
export const helmInstall = async (release: string, namespace: string, kubeconfig: string): Promise<void> => {
  await promisify(execFile)(HELM ?? 'helm', [
    'install',
    release,
    CHART,
    '--namespace',
    namespace,
    '--kubeconfig',
    kubeconfig,
  ]);
};

/** Runs the helm command that `note` ends with, with the chart in test/fixtures. */
export const helmCommand = async (note: string, kubeconfig: string): Promise<void> => {
  const [, command = ''] = note.split(': helm ');
  const args = command
    .replace(' --values VALUES.yaml', '')
    .split(' ')
    .map((word) => (word === 'CHART' ? CHART : word));
  await promisify(execFile)(HELM ?? 'helm', [...args, '--kubeconfig', kubeconfig]);
};

const isKubeObject = (value: unknown): value is KubeObject =>
  typeof value === 'object' && value !== null && 'kind' in value;

/** The objects of the chart as helm would send them. */
export const helmObjects = (release: string, namespace: string): KubeObject[] => {
  const text = readFileSync(`${CHART}/templates/repository.yaml`, 'utf8')
    .replaceAll('{{ .Release.Name }}', release)
    .replaceAll('{{ .Release.Service }}', 'Helm');
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter(isKubeObject)
    .map((object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        namespace,
        annotations: {
          ...object.metadata.annotations,
          'meta.helm.sh/release-name': release,
          'meta.helm.sh/release-namespace': namespace,
        },
      },
    }));
};

/** What helm leaves behind, written without helm: its field manager is what counts. */
export const putHelmObjects = async (world: ReleaseWorld, release: string): Promise<void> => {
  for (const object of helmObjects(release, world.namespace)) await world.put(object, 'helm');
};
