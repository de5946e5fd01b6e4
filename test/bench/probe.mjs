/**
 * Preloaded into a process that is measured. Asked by SIGUSR2, and at its end, it prints a line of JSON on what the
 * process has used; nothing of the process is touched. In JavaScript: to strip types costs a process its start.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

const tell = () => {
  const { user, system } = process.cpuUsage();
  const probe = {
    rssBytes: process.memoryUsage.rss(),
    // Of the whole life of the process; the kernel counts in KiB.
    maxRssBytes: process.resourceUsage().maxRSS * 1024,
    cpuMs: (user + system) / 1000,
    // The longest time since the last question in which the process answered nobody.
    blockedMs: delay.max / 1e6,
  };
  delay.reset();
  process.stdout.write(`${JSON.stringify({ probe })}\n`);
};

if (process.platform !== 'win32') process.on('SIGUSR2', tell);
process.on('exit', tell);
