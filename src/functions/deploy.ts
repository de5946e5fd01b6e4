import type { HttpFunction } from '@google-cloud/functions-framework';
import type { Request } from 'express';
import { stringify } from 'yaml';
import type { ReleaseAnswer } from '../release/answer.ts';
import { cancelOperation } from '../release/cancel.ts';
import { deploy, driftOf, renderObjects } from '../release/deploy.ts';
import {
  RELEASE_STATUSES,
  describeRelease,
  findNamespace,
  historyOf,
  listReleases,
  readContent,
} from '../release/describe.ts';
import type { RevisionContent } from '../release/describe.ts';
import { unifiedText } from '../release/diff.ts';
import { chooseWaitSec } from '../release/request.ts';
import type { DeployRequest, ReleaseDeps, Site } from '../release/request.ts';
import { planUninstall, uninstall } from '../release/uninstall.ts';
import { assertSite } from '../release/validate.ts';
import { SET_KINDS } from '../values/overrides.ts';
import { readWholeValues } from './request-values.ts';
import { choice, flag, parseQuery, text, wholeNumber } from './query.ts';
import type { Query } from './query.ts';
import type { Answer } from './respond.ts';
import type { Handler, Routes, RoutesDeps } from './routes.ts';
import { serveRoutes } from './routes.ts';
import type { ReportEvent, StreamDeps } from './stream.ts';
import { streamed } from './stream.ts';
import { callerOf } from './caller.ts';
import type { Waits } from './wait.ts';
import { answerSnapshot, WAIT_QUERY, waitOf } from './wait.ts';

export interface DeployDeps extends RoutesDeps, Pick<StreamDeps, 'every'> {
  readonly release: ReleaseDeps;
  /** The namespace of a release whose values name none. */
  readonly defaultNamespace: string;
  readonly waits: Waits;
}

type DeployHandler = Handler<DeployDeps>;

const YAML = 'application/yaml; charset=utf-8';
const MAX_DESCRIPTION = 500;
const MAX_LISTED = 1_000;

const WAITS = ['timeoutSec', 'onFailure'] as const;
const MAX_REVISION = 999_999_999;
const MAX_WAIT_SEC = 3_600;

const PLAIN = 'text/plain; charset=utf-8';

const install = reporting(async (deps, req, signal, report) => {
  const query = parseQuery(req.url, [...SET_KINDS, ...WAITS, 'dryRun', 'adopt', 'force', 'description']);
  const dryRun = choice(query, 'dryRun', ['client', 'server', 'true', 'false', '']);
  const mode = dryRun === 'client' ? 'client' : dryRun === undefined || dryRun === 'false' ? 'no' : 'server';
  const request = await readRequest(deps, req, query, mode);
  if (mode === 'client' && req.accepts(['application/json', 'application/yaml']) === 'application/yaml')
    return { status: 200, body: yamlOf(renderObjects(deps.release, request)), contentType: YAML };
  return buildAnswer(req, await deploy(deps.release, { ...request, report }, signal));
});

const rollback = reporting(async (deps, req, signal, report) => {
  const query = parseQuery(req.url, ['revision', 'namespace', 'dryRun', 'description', ...WAITS]);
  const revision = wholeNumber(query, 'revision', 1, MAX_REVISION);
  const dryRun = choice(query, 'dryRun', ['server', 'true', 'false', '']);
  const waits = rolloutWaitOf(deps, query);
  const { release, namespace } = await siteOf(deps, req, query, signal);
  const requestedBy = callerOf(req);
  const request: DeployRequest = {
    release,
    namespace,
    source: { kind: 'revision', revision },
    dryRun: dryRun === undefined || dryRun === 'false' ? 'no' : 'server',
    adopt: false,
    force: false,
    ...waits,
    description: describedBy(query),
    report,
    ...(requestedBy !== undefined && { requestedBy }),
  };
  return buildAnswer(req, await deploy(deps.release, request, signal));
});

const remove = reporting(async (deps, req, signal, report) => {
  const query = parseQuery(req.url, ['namespace', 'keep', 'dryRun']);
  const site = await siteOf(deps, req, query, signal);
  const options = { keep: flag(query, 'keep') };
  if (flag(query, 'dryRun')) return buildAnswer(req, await planUninstall(deps.release, site, options));
  return buildAnswer(req, await uninstall(deps.release, { ...site, report }, callerOf(req), options));
});

const list: DeployHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['status', 'limit']);
  const status = choice(query, 'status', RELEASE_STATUSES);
  const limit = wholeNumber(query, 'limit', 1, MAX_LISTED);
  return { status: 200, body: { releases: await listReleases(deps.release, signal, { status, limit }) } };
};

const show: DeployHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['namespace', ...WAIT_QUERY]);
  const wait = waitOf(req, query, deps.requestTimeoutMs);
  const { release, namespace } = await siteOf(deps, req, query, signal);
  const snapshot = await deps.waits.next(
    `release ${namespace}/${release}`,
    (reading) => describeRelease(deps.release, { release, namespace, signal: reading }),
    wait,
  );
  return { status: 200, ...answerSnapshot(snapshot, wait) };
};

const history: DeployHandler = async (deps, req, signal) => {
  const site = await siteOf(deps, req, parseQuery(req.url, ['namespace']), signal);
  return { status: 200, body: await historyOf(deps.release, site) };
};

/** Cancels the running call of the release. */
const cancel: DeployHandler = async (deps, req, signal) => {
  const site = await siteOf(deps, req, parseQuery(req.url, ['namespace']), signal);
  return { status: 200, body: await cancelOperation(deps.release, site, callerOf(req)) };
};

/** The objects of a revision: YAML for `kubectl apply -f -`, or a List as JSON. */
const showManifest: DeployHandler = async (deps, req, signal) => {
  const { objects } = await contentOf(deps, req, signal);
  if (wantsJson(req)) return { status: 200, body: { apiVersion: 'v1', kind: 'List', items: objects } };
  return { status: 200, body: yamlOf(objects), contentType: YAML };
};

/** The values document of a revision, as it was given. */
const showValues: DeployHandler = async (deps, req, signal) => {
  const { values } = await contentOf(deps, req, signal);
  if (wantsJson(req)) return { status: 200, body: values };
  return { status: 200, body: stringify(values), contentType: YAML };
};

const showNotes: DeployHandler = async (deps, req, signal) => {
  const { release, namespace, revision, notes } = await contentOf(deps, req, signal);
  if (wantsJson(req)) return { status: 200, body: { release, namespace, revision, notes } };
  return { status: 200, body: notes.map((note) => `${note}\n`).join(''), contentType: PLAIN };
};

/** The difference between the current revision and the cluster. */
const showDrift: DeployHandler = async (deps, req, signal) => {
  const site = await siteOf(deps, req, parseQuery(req.url, ['namespace']), signal);
  const { release, namespace } = site;
  const drift = await driftOf(deps.release, site);
  if (wantsText(req)) return { status: 200, body: unifiedText(drift.diff), contentType: PLAIN };
  return { status: 200, body: { release, namespace, ...drift } };
};

/** The difference between posted values and the cluster; nothing is changed. */
const showDiff: DeployHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, [...SET_KINDS, 'adopt', 'force']);
  const answer = await deploy(deps.release, await readRequest(deps, req, query, 'server'), signal);
  if (wantsText(req)) return { status: 200, body: unifiedText(answer.diff), contentType: PLAIN };
  const { release, namespace, revision, objects, diff, warnings } = answer;
  return { status: 200, body: { release, namespace, revision, objects, diff, warnings } };
};

const ROUTES: Routes<DeployDeps> = {
  '/': { get: list },
  '/:release': { get: show, post: install, delete: remove },
  '/:release/history': { get: history },
  '/:release/manifest': { get: showManifest },
  '/:release/values': { get: showValues },
  '/:release/notes': { get: showNotes },
  '/:release/operations/current': { delete: cancel },
  '/:release/diff': { get: showDrift, post: showDiff },
  '/:release/rollback': { post: rollback },
};

/** The HTTP function `deploy`. */
export function createDeploy(deps: DeployDeps): HttpFunction {
  return serveRoutes(
    deps,
    ROUTES,
    'GET / lists the releases; POST /<release> deploys one, GET and DELETE /<release> show and uninstall it; /<release>/history, /manifest, /values, /notes, /diff, /rollback and /operations/current exist too.',
  );
}

/** A handler whose events are streamed to a caller that accepts a stream. */
function reporting(
  handler: (deps: DeployDeps, req: Request, signal: AbortSignal, report?: ReportEvent) => Promise<Answer>,
): DeployHandler {
  return (deps, req, signal) =>
    streamed({ now: deps.release.launch.now, every: deps.every }, req, (report) => handler(deps, req, signal, report));
}

function nameOf(req: Request): string {
  return String(req.params['release'] ?? '');
}

/** The content of the current revision, or of `?revision=`. */
async function contentOf(deps: DeployDeps, req: Request, signal: AbortSignal): Promise<Site & RevisionContent> {
  const query = parseQuery(req.url, ['namespace', 'revision']);
  const revision = wholeNumber(query, 'revision', 1, MAX_REVISION);
  const site = await siteOf(deps, req, query, signal);
  return { ...site, ...(await readContent(deps.release, site, revision)) };
}

/** Documents of this kind are text unless a caller asks for JSON: `curl` and browsers do not. */
function wantsJson(req: Request): boolean {
  return req.accepts(['application/yaml', 'text/plain', 'application/json']) === 'application/json';
}

/** One YAML document per object. */
function yamlOf(objects: readonly unknown[]): string {
  // `undefined` and aliases have no place in a manifest.
  return objects
    .map((object) => `---\n${stringify(JSON.parse(JSON.stringify(object)), { aliasDuplicateObjects: false })}`)
    .join('');
}

function describedBy(query: Query): string | undefined {
  return text(query, 'description')?.slice(0, MAX_DESCRIPTION);
}

function wantsText(req: Request): boolean {
  return req.accepts(['application/json', 'text/plain']) === 'text/plain';
}

/** The release and its namespace: `?namespace=`, or the one in which the release exists. */
async function siteOf(deps: DeployDeps, req: Request, query: Query, signal: AbortSignal): Promise<Site> {
  const release = nameOf(req);
  const asked = text(query, 'namespace');
  const { allowed } = deps.release.launch;
  assertSite(release, asked, allowed);
  return { release, namespace: asked ?? (await findNamespace(deps.release, release, signal)), signal };
}

function rolloutWaitOf(deps: DeployDeps, query: Query): Pick<DeployRequest, 'waitSec' | 'onFailure'> {
  const onFailure = choice(query, 'onFailure', ['rollback', 'keep']) ?? 'rollback';
  const asked = wholeNumber(query, 'timeoutSec', 1, MAX_WAIT_SEC);
  return { onFailure, waitSec: chooseWaitSec(asked, deps.requestTimeoutMs, onFailure) };
}

async function readRequest(
  deps: DeployDeps,
  req: Request,
  query: Query,
  dryRun: DeployRequest['dryRun'],
): Promise<DeployRequest> {
  const waits = rolloutWaitOf(deps, query);
  const requestedBy = callerOf(req);
  const adopt = flag(query, 'adopt');
  const { values, document } = await readWholeValues(req, query);
  return {
    release: nameOf(req),
    namespace: values.namespace ?? deps.defaultNamespace,
    source: { kind: 'values', values, document },
    dryRun,
    adopt,
    force: flag(query, 'force'),
    description: describedBy(query),
    ...waits,
    ...(requestedBy !== undefined && { requestedBy }),
  };
}

function buildAnswer(req: Request, answer: ReleaseAnswer): Answer {
  const { outcome, release, namespace, revision } = answer;
  const isNew = outcome === 'deployed' && revision === 1;
  return {
    status: isNew ? 201 : 200,
    log: { outcome, release, namespace, revision },
    ...(isNew && { headers: { Location: `/${release}` } }),
    ...(wantsText(req) ? { body: unifiedText(answer.diff), contentType: PLAIN } : { body: answer }),
  };
}
