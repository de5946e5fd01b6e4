const REPEAT_AFTER_MS = 30_000;

/** Limits how often the same message is reported: during an outage every pod repeats it every second. */
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

/** Waits for `work` for a limited time and ignores its failure. */
export async function inTime(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((settle) => (timer = setTimeout(settle, limitMs)));
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
}
