import { badRequest } from '../status.ts';
import { labelValueFaults, qualifiedNameFaults } from '../validation/names.ts';

type Labels = Readonly<Record<string, string>>;
export type LabelMatcher = (labels: Labels) => boolean;

interface Scanner {
  readonly peek: () => string | undefined;
  readonly next: () => string | undefined;
}

// Words, and the separators between them.
const token = /\s*(==|!=|=|!|,|\(|\)|<|>|[^\s=!,()<>]+)/y;

/** Reads a label selector in its string form. Throws 400 as the API server does. */
export function parseLabelSelector(text: string): LabelMatcher {
  const tokens = tokenize(text);
  let at = 0;
  const scanner: Scanner = {
    peek: () => tokens[at],
    next: () => {
      at += 1;
      return tokens[at - 1];
    },
  };
  const matchers: LabelMatcher[] = [];
  while (scanner.peek() !== undefined) {
    matchers.push(parseRequirement(scanner));
    const separator = scanner.next();
    if (separator === undefined) break;
    if (separator !== ',') throw badRequest(`found '${separator}', expected: ',' or 'end of string'`);
    if (scanner.peek() === undefined || scanner.peek() === ',') {
      throw badRequest(`found '${scanner.peek() ?? ''}', expected: identifier after ','`);
    }
  }
  return (labels) => matchers.every((matches) => matches(labels));
}

function tokenize(text: string): readonly string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const trimmed = text.trim();
  while (token.lastIndex < trimmed.length) {
    const match = token.exec(trimmed);
    if (match === null) throw badRequest(`unable to parse requirement: ${JSON.stringify(text)}`);
    tokens.push(match[1] ?? '');
  }
  return tokens;
}

function parseRequirement(scanner: Scanner): LabelMatcher {
  const isNegated = scanner.peek() === '!';
  if (isNegated) scanner.next();
  const key = scanner.next();
  if (!isWord(key)) throw badRequest(`found '${key ?? ''}', expected: !, identifier, or 'end of string'`);
  for (const fault of qualifiedNameFaults(key)) {
    throw badRequest(`unable to parse requirement: key: Invalid value: ${JSON.stringify(key)}: ${fault}`);
  }
  if (isNegated) return (labels) => !Object.hasOwn(labels, key);
  const operator = scanner.peek();
  if (operator === undefined || operator === ',') return (labels) => Object.hasOwn(labels, key);
  scanner.next();
  return comparison(key, operator, scanner);
}

function isWord(text: string | undefined): text is string {
  return text !== undefined && !/^(==|!=|=|!|,|\(|\)|<|>)$/.test(text);
}

function comparison(key: string, operator: string, scanner: Scanner): LabelMatcher {
  switch (operator) {
    case '=':
    case '==': {
      const value = checkedValue(parseValue(scanner), key, 0);
      return (labels) => Object.hasOwn(labels, key) && labels[key] === value;
    }
    case '!=': {
      const value = checkedValue(parseValue(scanner), key, 0);
      return (labels) => !Object.hasOwn(labels, key) || labels[key] !== value;
    }
    case 'in': {
      const values = parseSet(scanner, key);
      return (labels) => Object.hasOwn(labels, key) && values.has(labels[key] ?? '');
    }
    case 'notin': {
      const values = parseSet(scanner, key);
      return (labels) => !Object.hasOwn(labels, key) || !values.has(labels[key] ?? '');
    }
    case '<':
    case '>': {
      const limit = parseInteger(parseValue(scanner), key);
      return (labels) => {
        const value = Number.parseInt(labels[key] ?? '', 10);
        return operator === '<' ? value < limit : value > limit;
      };
    }
    default:
      throw badRequest(`unable to parse requirement: found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
  }
}

function checkedValue(value: string, key: string, index: number): string {
  for (const fault of labelValueFaults(value)) {
    throw badRequest(
      `unable to parse requirement: values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${fault}`,
    );
  }
  return value;
}

/** The value may be missing: `a=` means that the label is empty. */
function parseValue(scanner: Scanner): string {
  const next = scanner.peek();
  if (next === undefined || next === ',') return '';
  if (!isWord(next)) throw badRequest(`unable to parse requirement: found '${next}', expected: identifier`);
  scanner.next();
  return next;
}

function parseSet(scanner: Scanner, key: string): ReadonlySet<string> {
  const open = scanner.next();
  if (open !== '(') throw badRequest(`unable to parse requirement: found '${open ?? ''}' expected: '('`);
  const values = new Set<string>();
  for (let next = scanner.next(); next !== ')'; next = scanner.next()) {
    if (next === undefined) throw badRequest("unable to parse requirement: found '', expected: ',' or ')'");
    if (next !== ',') values.add(checkedValue(next, key, values.size));
  }
  return values;
}

function parseInteger(text: string, key: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw badRequest(
    `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(text)}: for 'Gt', 'Lt' operators, the value must be an integer`,
  );
}
