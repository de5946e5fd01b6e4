import { stringify } from 'yaml';

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** A column: its head, the value of one row, and whether only `-o wide` shows it. */
export interface Column {
  readonly head: string;
  readonly value: (row: Record<string, unknown>) => unknown;
  readonly wide?: boolean;
}

/** `value` as JSON or YAML text with a newline at its end. */
export function documentText(value: unknown, format: Format): string {
  return format === 'yaml' ? stringify(value, { lineWidth: 0 }) : `${JSON.stringify(value, null, 2)}\n`;
}

/** Rows under their heads, columns padded to their widest cell, as kubectl prints them. */
export function tableText(
  rows: readonly Record<string, unknown>[],
  columns: readonly Column[],
  format: Format,
): string {
  const shown = columns.filter(({ wide }) => wide !== true || format === 'wide');
  const cells = [shown.map(({ head }) => head), ...rows.map((row) => shown.map(({ value }) => cellText(value(row))))];
  const widths = shown.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n')
    .concat('\n');
}

/** Prints control characters of an answer as text: a log line or a name must not move the cursor. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // oxlint-disable-next-line no-control-regex -- control characters are what is replaced
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

/** Time since `text` (RFC 3339), as kubectl writes ages: `45s`, `12m`, `5h`, `3d`. */
export function ageText(text: unknown, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(String(text))) / 1000));
  if (Number.isNaN(seconds)) return '-';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
