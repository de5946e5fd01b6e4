import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type KubectlResult, runKubectl } from './run-kubectl.ts';

export { findKubectls, type KubectlResult } from './run-kubectl.ts';

/** `isEnough` is asked of what it has printed so far, and ends it: for commands that go on for ever. */
export type Kubectl = (
  args: readonly string[],
  input?: string,
  isEnough?: (out: string) => boolean,
) => Promise<KubectlResult>;

/** Where a kubectl finds its server: `--server=http://...`, or a kubeconfig and a namespace. */
export type KubectlFlags = readonly string[];

/** A kubectl with these flags, until the test ends. */
export function createKubectl(program: string, flags: KubectlFlags): Kubectl {
  const home = mkdtempSync(join(tmpdir(), 'kubectl-home-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return (args, input, isEnough) => runKubectl(program, [...flags, ...args], { home, input, isEnough });
}
