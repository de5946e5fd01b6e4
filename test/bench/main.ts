/** `npm run bench`: what the product costs, measured on this machine over the local stack. */
import { cpus, totalmem } from 'node:os';
import { parseBenchOptions, HELP } from './options.ts';
import type { SectionReport } from './report.ts';
import { formatSection, tableToJson } from './report.ts';
import { runSection, skipLate } from './run-section.ts';
import { SECTIONS } from './sections.ts';

const options = parseBenchOptions(
  process.argv.slice(2),
  SECTIONS.map(({ name }) => name),
);
if (options.kind !== 'run') {
  (options.kind === 'help' ? process.stdout : process.stderr).write(
    options.kind === 'help' ? HELP : `${options.message}\n\n${HELP}`,
  );
  process.exit(options.kind === 'help' ? 0 : 2);
}

const { effort, json, only } = options;
const [cpu] = cpus();
const machine = {
  node: process.version,
  cpus: cpus().length,
  cpu: cpu?.model ?? 'unknown',
  memoryGB: Math.round(totalmem() / 1e9),
  effort,
};

const sectionToJson = ({ parts, ...section }: SectionReport): object => ({
  ...section,
  parts: parts.map((part) => (typeof part === 'string' ? part : { of: part.columns[0], rows: tableToJson(part) })),
});

if (!json) {
  process.stdout.write(
    `Node ${machine.node} on ${machine.cpus} x ${machine.cpu}, ${machine.memoryGB} GB. Other work on the machine shows in the times: trust medians and ratios.\n\n`,
  );
}
const startedAt = performance.now();
const reports: SectionReport[] = [];
for (const section of SECTIONS.filter(({ name }) => only.length === 0 || only.includes(name))) {
  if (process.stderr.isTTY) process.stderr.write(`${section.title} ...\r`);
  const report = skipLate(section, effort, performance.now() - startedAt) ?? (await runSection(section, effort));
  reports.push(report);
  if (!json) process.stdout.write(`${formatSection(report)}\n`);
}
const seconds = Math.round((performance.now() - startedAt) / 1000);
if (json)
  process.stdout.write(`${JSON.stringify({ machine, seconds, sections: reports.map(sectionToJson) }, null, 2)}\n`);
else process.stdout.write(`All of it took ${seconds} s.\n`);
process.exitCode = reports.some(({ problem }) => problem !== undefined) ? 1 : 0;
