import { AppError } from '../errors.ts';
import { isPassing } from './readiness.ts';
import { mustStop } from './rollback.ts';
import type { Session } from './request.ts';

const PAUSE_MS = 2_000;

/** Repeats `work`, which must be repeatable, until `endsAtMs` while it fails for a reason that may pass. */
export async function retryPassing<T>(session: Session, endsAtMs: number, work: () => Promise<T>): Promise<T> {
  const { launch } = session.deps;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (mustStop(session, error) || !(error instanceof AppError)) throw error;
      const isOver = launch.now().getTime() + PAUSE_MS >= endsAtMs;
      if (isOver || !(error.retryable || isPassing(error.message))) throw error;
      session.report?.({ event: 'retrying', message: error.message });
      await session.ensureLock();
      await launch.wait(PAUSE_MS, session.signal);
    }
  }
}
