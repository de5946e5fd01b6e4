// The aggregator images' start scripts expand their variables without quotes: white space splits a value into further
// arguments, and a glob is replaced by the names of files. Characters that a shell interprets only in a script's own text
// (braces, "~", "%") are harmless in an expanded value and stay allowed.
const SHELL = /[\s'"`$\\*?[\]();&|<>!#]/u;

/** Why `text` cannot become an environment value of the aggregator, phrased to follow the field; `null` when it can. The text is not repeated: it may be a URL with a password. */
export function environmentProblem(text: string): string | null {
  const character = SHELL.exec(text)?.[0];
  if (character !== undefined) {
    const shown = /\s/u.test(character) ? 'white space' : `the character ${character}`;
    return `contains ${shown}, which the aggregator's start script would interpret; use letters, digits and / . _ : @ + = , - only`;
  }
  return text.startsWith('-') ? 'begins with "-", which the aggregator would read as an option' : null;
}

/**
 * Why `path` cannot stand in a checkpoint list, phrased to follow the line; `null` when it can. The images read the
 * list as CSV (pandas) and take the first column: a comma ends the path, and a quote changes it.
 */
export function listLineProblem(path: string): string | null {
  if (path.includes(',')) return 'contains a comma, which ends the path: the aggregator reads the list as CSV';
  if (path.includes('"'))
    return 'contains a double quote, which changes the path: the aggregator reads the list as CSV';
  return null;
}
