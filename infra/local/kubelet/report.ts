const REPEAT_AFTER_MS = 30_000;

/** Passes the same message on once in a while only: during an outage every pod has the same to say, every second. */
export function createReporter(
  report: (message: string) => void,
  now: () => number = Date.now,
): (message: string) => void {
  const reported = new Map<string, number>();
  return (message) => {
    const nowMs = now();
    for (const [known, atMs] of reported) if (nowMs - atMs > REPEAT_AFTER_MS) reported.delete(known);
    if (reported.has(message)) return;
    reported.set(message, nowMs);
    report(message);
  };
}

/** Waits for `work`, but not for longer than that; its failure is of no interest. */
export async function inTime(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((settle) => (timer = setTimeout(settle, limitMs)));
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
}
