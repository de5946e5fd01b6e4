import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runKubectl } from '../../infra/local/test/kubernetes/run-kubectl.ts';
import type { Rule } from './roles.ts';

/** A line of the table as `jobs.batch [] [create delete]`, with sorted verbs. */
const parseLine = (line: string): string => {
  const [, resource = '', , names = '', verbs = ''] =
    /^(\S*)\s+(\[.*?\])\s+(\[.*?\])\s+\[(.*?)\]$/.exec(line.trim()) ?? [];
  return `${resource} ${names} [${verbs.split(' ').toSorted().join(' ')}]`;
};

/** Output of `kubectl auth can-i --list` for the user of a kubeconfig: one line per resource, sorted, without URLs. */
export const listByKubectl = async (
  program: string,
  kubeconfig: string,
  namespace: string,
): Promise<readonly string[]> => {
  const home = mkdtempSync(join(tmpdir(), 'can-i-'));
  try {
    const args = [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, 'auth', 'can-i', '--list', '--no-headers'];
    const { code, out, err } = await runKubectl(program, args, { home });
    if (code !== 0) throw new Error(err);
    const lines = out.split('\n').filter((line) => /^\S/.test(line));
    return lines.map(parseLine).toSorted();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
};

/** The lines of that table for a rule. */
export const linesOfKubectl = ({ apiGroups, resources, resourceNames = [], verbs }: Rule): readonly string[] =>
  apiGroups.flatMap((group) =>
    resources.map((resource) => {
      const name = group === '' ? resource : nameIn(group, resource);
      return `${name} [${resourceNames.join(' ')}] [${verbs.toSorted().join(' ')}]`;
    }),
  );

/** The group precedes the subresource: `deployments.apps/scale`. */
const nameIn = (group: string, resource: string): string => {
  const [plural = '', subresource] = resource.split('/');
  return `${plural}.${group}${subresource === undefined ? '' : `/${subresource}`}`;
};
