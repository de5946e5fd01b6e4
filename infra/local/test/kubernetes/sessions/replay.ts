import { setTimeout as pause } from 'node:timers/promises';
import { differences } from '../conformance/normalise.ts';
import type { Answer, Exchange, Session } from './exchange.ts';
import { isObject, versionOf } from './json.ts';
import { maskAnswer, type Names, toText } from './mask.ts';
import { asJson } from './proxy.ts';
import { asSpoken, isServed } from './versions.ts';
import { type Client, createClient, type RawRequest, type RawResponse, type Target } from './target.ts';

/** Controllers and the kubelet take their time, on a busy machine more. All answers of a session together are waited for so long. */
const PATIENCE_MS = 40_000;
/** The minimum wait for an answer, so that the differences of late answers are reported, too. */
const LEAST_PATIENCE_MS = 300;

interface State {
  readonly client: Client;
  /** What the server's own uids and names are called in the recording; grows with each answer. */
  readonly names: Names;
  /** Of the last list: a watch begins there. */
  version: string;
  readonly endsAt: number;
  readonly speaksProtobuf: boolean;
}

/** Plays a session's requests to a server; what it answered otherwise than the recorded server. `onWatch` is called as a watch begins. */
export async function replay(target: Target, session: Session, onWatch: () => void): Promise<readonly string[]> {
  const client = createClient(target);
  const state: State = {
    client,
    names: new Map(),
    version: '',
    endsAt: Date.now() + PATIENCE_MS,
    speaksProtobuf: target.speaksProtobuf === true,
  };
  const all: string[] = [];
  try {
    for (const exchange of session.exchanges) {
      const isWatch = exchange.answer.lastEvent !== undefined;
      if (isWatch) onWatch();
      const found = await (isWatch ? replayWatch : replayRequest)(state, exchange);
      all.push(...found.map((each) => `${exchange.command}: ${exchange.method} ${exchange.path} ${each}`));
    }
  } finally {
    await client.close();
  }
  return all;
}

async function replayWatch(state: State, exchange: Exchange): Promise<readonly string[]> {
  const { lastEvent } = exchange.answer;
  const patienceMs = Math.max(state.endsAt - Date.now(), LEAST_PATIENCE_MS);
  let nearest: readonly string[] = ['no event at all'];
  function isLast(line: unknown): boolean {
    nearest = compare(state.names, line, lastEvent).found;
    return nearest.length === 0;
  }
  const found = await state.client.follow(toRequest(state, exchange), isLast, patienceMs);
  return found === null ? nearest : [];
}

/** Where an answer is another one than the recorded; the names that hold if it is not. */
function compare(
  names: Names,
  body: unknown,
  recorded: unknown,
): { readonly names: Names; readonly found: readonly string[] } {
  const bound = bind(names, body, recorded);
  return { names: bound, found: differences(asSpoken(maskAnswer(bound, body)), asSpoken(recorded)) };
}

/** `names` with what stands in `ours` where the recorded answer has a placeholder. */
function bind(names: Names, ours: unknown, recorded: unknown): Names {
  const found: Names = new Map(names);
  function walk(our: unknown, their: unknown): void {
    if (isPlaceholder(their) && typeof our === 'string' && ![...found.values()].includes(their)) found.set(our, their);
    if (Array.isArray(our) && Array.isArray(their)) for (const [index, each] of our.entries()) walk(each, their[index]);
    if (isObject(our) && isObject(their)) for (const [key, each] of Object.entries(our)) walk(each, their[key]);
  }
  walk(ours, recorded);
  return found;
}

function isPlaceholder(value: unknown): value is string {
  return typeof value === 'string' && /^<(?:uid|name)-\d+>$/.test(value);
}

function toRequest(state: State, exchange: Exchange): RawRequest {
  const { speaksProtobuf } = state;
  const { method, accept, type, body, isBase64 } = exchange;
  return {
    method,
    path: fill(state, exchange.path),
    headers: {
      ...(accept !== undefined && { accept: speaksProtobuf ? asJson(accept) : accept }),
      ...(type !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body: isBase64 === true ? Buffer.from(body, 'base64') : fill(state, body) }),
  };
}

/** The values of placeholders in a request. */
function fill({ names, version }: State, text: string): string {
  let filled = text.replaceAll('<version>', version);
  for (const [value, placeholder] of names) filled = filled.replaceAll(placeholder, value);
  return filled;
}

/** A question is put again until the answer is the recorded one: what it asks for may take a moment. */
async function replayRequest(state: State, exchange: Exchange): Promise<readonly string[]> {
  const endsAt = Math.max(state.endsAt, Date.now() + LEAST_PATIENCE_MS);
  for (;;) {
    const ours = await state.client.send(toRequest(state, exchange));
    if (!isServed(exchange.path) && [404, 501].includes(ours.status)) return [];
    const found = compareAnswers(state, ours, exchange.answer);
    state.version = versionOf(ours.body) || state.version;
    if (found.length === 0 || exchange.method !== 'GET' || Date.now() > endsAt) return found;
    await pause(50);
  }
}

function compareAnswers(state: State, ours: RawResponse, recorded: Answer): readonly string[] {
  if (ours.status !== recorded.status)
    return [`status ${ours.status} ${toText(ours.body)} instead of ${recorded.status}`];
  const types = ours.type === recorded.type ? [] : [`type ${ours.type} instead of ${recorded.type}`];
  if (recorded.body === undefined) return types;
  const { names, found } = compare(state.names, ours.body, recorded.body);
  if (types.length + found.length > 0) return [...types, ...found];
  for (const [value, placeholder] of names) state.names.set(value, placeholder);
  return [];
}
