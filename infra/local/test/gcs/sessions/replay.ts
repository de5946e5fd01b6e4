import { Agent, request } from 'undici';
import { differences } from '../../kubernetes/conformance/normalise.ts';
import { isObject, parseBody } from '../../kubernetes/sessions/json.ts';
import { type Exchange, pickCompared, type Session } from './exchange.ts';
import { mask, type Names, uploadOf } from './mask.ts';

/** Plays a session's requests to a server; what it answered otherwise than was recorded. */
export async function replay(server: string, { exchanges }: Session): Promise<readonly string[]> {
  const agent = new Agent({ allowH2: false });
  const names: Names = new Map();
  async function play({ command, method, path, headers, body, answer }: Exchange): Promise<readonly string[]> {
    const response = await request(server + fill(names, server, path), {
      method,
      headers,
      dispatcher: agent,
      ...(body !== undefined && { body: fill(names, server, body) }),
    });
    const ours = {
      status: response.statusCode,
      headers: pickCompared(response.headers),
      body: parseBody(await response.body.text()),
    };
    bindUpload(names, ours.headers, answer.headers);
    bind(names, ours.body, answer.body);
    return differences(mask(names, server, ours), answer).map((each) => `${command}: ${method} ${path} ${each}`);
  }
  const all: string[] = [];
  try {
    for (const exchange of exchanges) all.push(...(await play(exchange)));
  } finally {
    await agent.close();
  }
  return all;
}

function fill(names: Names, server: string, text: string): string {
  let filled = text.replaceAll('SERVER', server);
  for (const [value, placeholder] of names) filled = filled.replaceAll(placeholder, value);
  return filled;
}

function bindUpload(
  names: Names,
  ours: Readonly<Record<string, string>>,
  recorded: Readonly<Record<string, string>>,
): void {
  const [our, their] = [uploadOf(ours), uploadOf(recorded)];
  if (our !== undefined && their !== undefined) names.set(our, their);
}

/** `names` with what stands in `ours` where the recorded answer has a placeholder. */
function bind(names: Names, ours: unknown, recorded: unknown): void {
  const isName = typeof recorded === 'string' && /^<generation-\d+>$/.test(recorded);
  if (isName && typeof ours === 'string' && ![...names.values()].includes(recorded)) names.set(ours, recorded);
  if (Array.isArray(ours) && Array.isArray(recorded))
    for (const [index, each] of ours.entries()) bind(names, each, recorded[index]);
  if (isObject(ours) && isObject(recorded))
    for (const [key, each] of Object.entries(ours)) bind(names, each, recorded[key]);
}
