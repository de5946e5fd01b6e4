import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { normalise } from './normalise.ts';
import type { RawAnswer, Scenario, Step } from './step.ts';

export interface Target {
  readonly server: string;
  readonly token?: string;
}

/** How long a controller may take. */
const patienceMs = 20_000;

interface Context {
  readonly target: Target;
  readonly agent: Agent;
  readonly namespace: string;
  readonly saved: Map<string, string>;
}

/** The answers to the steps, one after another, in a namespace of their own; what differs between any two runs is taken out. */
export async function runScenario(target: Target, scenario: Scenario): Promise<readonly unknown[]> {
  const agent = new Agent({ allowH2: false, connect: { rejectUnauthorized: false } });
  const namespace = `conformance-${randomBytes(4).toString('hex')}`;
  const context: Context = { target, agent, namespace, saved: new Map() };
  try {
    await send(context, { method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
    const answers: unknown[] = [];
    for (const step of scenario.steps) answers.push(normalise(await settle(context, step), namespace, context.saved));
    await send(context, { method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
    return answers;
  } finally {
    await agent.close();
  }
}

async function send({ target, agent, namespace, saved }: Context, step: Step): Promise<RawAnswer> {
  function fill(text: string): string {
    return text.replaceAll('$NS', namespace).replace(/\$\{(\w+)\}/g, (_, name: string) => saved.get(name) ?? '');
  }
  const text =
    typeof step.body === 'string' ? step.body : step.body === undefined ? undefined : JSON.stringify(step.body);
  const response = await request(target.server + fill(step.path), {
    method: step.method,
    dispatcher: agent,
    headers: {
      'user-agent': 'conformance/1',
      ...(target.token !== undefined && { authorization: `Bearer ${target.token}` }),
      ...(step.accept !== undefined && { accept: step.accept }),
      ...(text !== undefined && { 'content-type': step.type ?? 'application/json' }),
    },
    ...(text !== undefined && { body: fill(text) }),
  });
  const warning = response.headers['warning'];
  return {
    code: response.statusCode,
    warning: Array.isArray(warning) ? warning.join(', ') : warning,
    body: parse(await response.body.text()),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function settle(context: Context, step: Step): Promise<RawAnswer> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await send(context, step);
    if (step.until === undefined || step.until(answer) || Date.now() > deadline) {
      for (const [name, path] of Object.entries(step.save ?? {}))
        context.saved.set(name, String(pick(answer.body, path)));
      return answer;
    }
    await pause(50);
  }
}

function pick(body: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce((at: unknown, step) => (at !== null && typeof at === 'object' ? Reflect.get(at, step) : undefined), body);
}
