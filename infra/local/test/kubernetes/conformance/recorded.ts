import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const path = join(import.meta.dirname, 'recorded.jsonl');

/** The answers of a real API server to the steps of each scenario. */
export type Recorded = Readonly<Record<string, readonly unknown[]>>;

export function readRecorded(): Recorded {
  const recorded: Record<string, unknown[]> = {};
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue;
    const { scenario, answer }: { scenario: string; answer: unknown } = JSON.parse(line);
    (recorded[scenario] ??= []).push(answer);
  }
  return recorded;
}

export function writeRecorded(recorded: Recorded): void {
  const lines = Object.entries(recorded).flatMap(([scenario, answers]) =>
    answers.map((answer) => JSON.stringify({ scenario, answer })),
  );
  writeFileSync(path, `${lines.join('\n')}\n`);
}
