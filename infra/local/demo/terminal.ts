import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Prints with colours on a terminal, and plain text in a pipe or with NO_COLOR. */
export interface Terminal {
  readonly title: (text: string) => void;
  /** A command that a person would type. */
  readonly command: (text: string) => void;
  readonly line: (text?: string) => void;
  readonly good: (text: string) => void;
  readonly bad: (text: string) => void;
  /** A line that the next one replaces on a terminal; in a pipe each different text is printed once. */
  readonly progress: (text: string) => void;
}

/** A {@link Terminal} on `stream`. */
export function createTerminal(stream: NodeJS.WriteStream): Terminal {
  const isTerminal = stream.isTTY === true;
  function paint(style: Style, text: string): string {
    return isTerminal ? styleText(style, text, { stream }) : text;
  }
  let transient = '';
  function settle(): void {
    if (transient !== '' && isTerminal) stream.write('\r\u001b[2K');
    transient = '';
  }
  function line(text = ''): void {
    settle();
    stream.write(`${text}\n`);
  }
  function progress(text: string): void {
    if (text === transient) return;
    if (isTerminal) stream.write(`\r\u001b[2K  ${text.slice(0, Math.max(20, (stream.columns ?? 80) - 4))}`);
    else stream.write(`  ${text}\n`);
    transient = text;
  }
  return {
    title: (text) => line(`\n${paint(['bold'], text)}`),
    command: (text) => line(`  ${paint('cyan', '$')} ${paint('dim', text)}`),
    line,
    good: (text) => line(`  ${paint('green', text)}`),
    bad: (text) => line(`  ${paint('red', text)}`),
    progress,
  };
}
