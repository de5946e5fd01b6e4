/** `x`: a ratio. Without a unit it is a number of things. */
export type Unit = 'ms' | 's' | 'MB' | '/s' | 'x' | '';

export interface Quantity {
  readonly value: number;
  readonly unit: Unit;
}

/** `null`: could not be measured on this machine. */
export type Cell = Quantity | string | null;

/** A name, and what was found of it. */
export type Row = readonly [string, ...Cell[]];

export interface Table {
  /** Of all columns; the first one names the rows. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** What one section found. */
export interface SectionReport {
  readonly name: string;
  readonly title: string;
  /** What is measured, and on what. */
  readonly about: string;
  readonly parts: readonly (Table | string)[];
  /** Why it could not be run, or not to its end. */
  readonly problem?: string;
  readonly seconds: number;
}

export const quantity =
  (unit: Unit) =>
  (value: number): Quantity => ({ value, unit });

export const ms = quantity('ms');
export const seconds = quantity('s');
export const perSecond = quantity('/s');
export const ratio = quantity('x');
export const count = quantity('');
/** From bytes. */
export const megabytes = (bytes: number): Quantity => ({ value: bytes / 1e6, unit: 'MB' });

const digitsOf = (value: number): number => {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return 0;
  return Math.abs(value) >= 10 ? 1 : 2;
};

const formatNumber = (value: number): string => {
  const digits = digitsOf(value);
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

/** As a person reads it: three figures or so, thousands with commas. */
export const formatCell = (cell: Cell): string => {
  if (cell === null) return '-';
  if (typeof cell === 'string') return cell;
  const { value, unit } = cell;
  const text = formatNumber(value);
  if (unit === '') return text;
  return unit === 'x' || unit === '/s' ? `${text}${unit}` : `${text} ${unit}`;
};

/** The table as lines: names to the left, figures to the right. */
export const formatTable = ({ columns, rows }: Table): string[] => {
  const texts = [columns, ...rows.map((row) => row.map(formatCell))];
  const widths = columns.map((_, at) => Math.max(...texts.map((row) => (row[at] ?? '').length)));
  return texts.map((row) =>
    row
      .map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0)))
      .join('   ')
      .trimEnd(),
  );
};

const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
};

const WIDTH = 110;
const indent = (lines: readonly string[]): string[] => lines.map((line) => (line === '' ? '' : `  ${line}`));

/** A section as text to read, with an empty line at its end. */
export const formatSection = (section: SectionReport): string => {
  const parts = section.parts.map((part) => (typeof part === 'string' ? wrap(part, WIDTH) : formatTable(part)));
  const problem = section.problem === undefined ? [] : [wrap(section.problem, WIDTH)];
  const body = [wrap(section.about, WIDTH), ...parts, ...problem].flatMap((lines) => ['', ...lines]);
  return [`${section.title} (${section.seconds.toFixed(0)} s)`, ...indent(body.slice(1)), '', ''].join('\n');
};

const cellToJson = (cell: Cell): unknown => (typeof cell === 'object' && cell !== null ? cell.value : cell);

const headingOf = ({ columns, rows }: Table, at: number): string => {
  const units = new Set(
    rows.map((row) => row[at]).flatMap((cell) => (typeof cell === 'object' && cell ? cell.unit : [])),
  );
  const [unit] = units;
  return units.size === 1 && unit !== undefined && unit !== '' ? `${columns[at]} (${unit})` : (columns[at] ?? '');
};

/** A table as objects, one per row; a figure whose column has units of several kinds is `{value, unit}`. */
export const tableToJson = (table: Table): Record<string, unknown>[] => {
  const headings = table.columns.map((_, at) => headingOf(table, at));
  const isPlain = headings.map(
    (_, at) =>
      new Set(table.rows.map((row) => row[at]).flatMap((cell) => (isQuantity(cell) ? cell.unit : []))).size <= 1,
  );
  return table.rows.map((row) =>
    Object.fromEntries(row.map((cell, at) => [headings[at] ?? '', isPlain[at] === true ? cellToJson(cell) : cell])),
  );
};

const isQuantity = (cell: Cell | undefined): cell is Quantity => typeof cell === 'object' && cell !== null;
