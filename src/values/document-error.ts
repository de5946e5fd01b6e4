import { InvalidRequestError } from '../errors.ts';

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
}

const MAX_PATH = 200;

export const TOO_DEEP = 'more than 64 levels of nesting: values need far fewer';
export const UNSAFE_INTEGER = 'an integer beyond 2^53 would lose digits: put it in quotes, or write a smaller one';

/** Where the character at `offset` stands. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/**
 * A document that cannot be read. `message` says what is wrong and what would be right, and never quotes a value:
 * a token may have been pasted there. `field` is its path where it is known.
 */
export function documentError(position: Position, message: string, field = ''): InvalidRequestError {
  const path = field.length > MAX_PATH ? `${field.slice(0, MAX_PATH)}…` : field;
  const where = `line ${position.line}, column ${position.column}`;
  return new InvalidRequestError(
    `${path === '' ? '' : `${path}: `}${message} (${where})`,
    [{ path: path === '' ? where : path, message: `${message} (${where})` }],
    { details: { line: position.line, column: position.column } },
  );
}
