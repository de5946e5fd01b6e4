import type { ExitCode } from './errors.ts';
import { CliError, EXIT } from './errors.ts';
import { at, recordsAt } from './json.ts';
import { cellText } from './output.ts';

// A release that was applied and failed is 502, and no fault of the function.
const ENDED = /^urn:tensorio-trigger:(rolled-back|rollback-failed|failed)$/;

/** The error for an answer that is not 2xx: the problem document's title and detail, its issues and missing Secrets. */
export function problemError(
  service: string,
  { status, body }: { readonly status: number; readonly body: unknown },
): CliError {
  const exitCode = ENDED.test(String(at(body, 'type'))) ? EXIT.failed : exitCodeOf(status);
  const [title, detail] = [at(body, 'title'), at(body, 'detail') ?? at(body, 'reason')];
  if (typeof detail !== 'string') {
    // A front of Cloud Run answers HTML.
    const text = String(body)
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim()
      .slice(0, 300);
    const hint = status === 401 || status === 403 ? ' The caller needs roles/run.invoker on the function.' : '';
    return new CliError(`${service} answered ${status}.${hint} ${text}`.trim(), exitCode, body);
  }
  const issues = recordsAt(body, 'issues').map(({ path, message }) => `  ${String(path)}: ${String(message)}`);
  const commands = recordsAt(body, 'missing').flatMap(({ command }) =>
    command === undefined ? [] : `  ${cellText(command)}`,
  );
  const first = typeof title === 'string' ? `${title}: ${detail}` : detail;
  return new CliError([first, ...(issues.length > 1 ? issues : []), ...commands].join('\n'), exitCode, body);
}

function exitCodeOf(status: number): ExitCode {
  if (status === 401 || status === 403 || status >= 500) return EXIT.unreachable;
  if (status === 409) return EXIT.conflict;
  if (status === 424) return EXIT.missingSecrets;
  return status === 404 || status === 422 ? EXIT.failed : EXIT.usage;
}
