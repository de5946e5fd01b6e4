interface Scanner {
  /** The next character that is no white space, not taken. */
  peek(): string;
  take(): string;
  /** A string literal, read. */
  string(): string;
  /** Past a number, `true`, `false` or `null`. */
  skipWord(): void;
}

/** The paths of keys that occur twice in one object of a JSON text that is known to parse. */
export function duplicateFields(text: string): readonly string[] {
  const found: string[] = [];
  const scan = createScanner(text);
  scanValue(scan, '', found);
  return found;
}

function createScanner(text: string): Scanner {
  let at = 0;
  function skipSpace(): void {
    while (' \t\r\n'.includes(text[at] ?? 'x')) at += 1;
  }
  return {
    peek: () => {
      skipSpace();
      return text[at] ?? '';
    },
    take: () => {
      skipSpace();
      at += 1;
      return text[at - 1] ?? '';
    },
    string: () => {
      skipSpace();
      const start = at;
      at += 1;
      while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
      at += 1;
      return String(JSON.parse(text.slice(start, at)));
    },
    skipWord: () => {
      skipSpace();
      while (at < text.length && !',]} \t\r\n'.includes(text[at] ?? '')) at += 1;
    },
  };
}

function scanValue(scan: Scanner, path: string, found: string[]): void {
  const next = scan.peek();
  if (next === '{') scanObject(scan, path, found);
  else if (next === '[') scanArray(scan, path, found);
  else if (next === '"') scan.string();
  else scan.skipWord();
}

function scanObject(scan: Scanner, path: string, found: string[]): void {
  const seen = new Set<string>();
  scan.take();
  while (scan.peek() !== '}') {
    const key = scan.string();
    const keyPath = path === '' ? key : `${path}.${key}`;
    if (seen.has(key)) found.push(keyPath);
    seen.add(key);
    scan.take();
    scanValue(scan, keyPath, found);
    if (scan.peek() === ',') scan.take();
  }
  scan.take();
}

function scanArray(scan: Scanner, path: string, found: string[]): void {
  scan.take();
  for (let index = 0; scan.peek() !== ']'; index += 1) {
    scanValue(scan, `${path}[${index}]`, found);
    if (scan.peek() === ',') scan.take();
  }
  scan.take();
}
