import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Session } from './exchange.ts';
import { replay } from './replay.ts';
import { openPlace, type Target } from './target.ts';

/** What a server answers to a session's requests otherwise than was recorded. */
export async function playSession(target: Target, session: Session): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'kubectl-session-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const gate = join(folder, 'gate');
  const close = await openPlace(target, { namespace: session.namespace, gate, workDir: join(folder, 'work') });
  onTestFinished(close);
  return replay(target, session, () => writeFileSync(gate, ''));
}
