/** Exit codes of `tio`. `--help` prints the same list. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  missingSecrets: 3,
  conflict: 4,
  unreachable: 5,
  timeout: 124,
  detached: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error that ends `tio` with an exit code. `answer` is what `-o json` prints: the last record, or the problem document. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  readonly answer: unknown;

  constructor(message: string, exitCode: ExitCode, answer?: unknown) {
    super(message);
    this.exitCode = exitCode;
    this.answer = answer;
  }
}
