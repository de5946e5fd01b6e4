import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Google, type GoogleOptions, startGoogle } from '../../infra/local/google.ts';
import type { Certificate } from './certificates.ts';
import { answerJson, answerStatus, type ScriptedServer, startScripted } from './scripted-server.ts';

export const EMAIL = 'aggregate@project.iam.gserviceaccount.com';
export const CLUSTER = 'projects/project/locations/europe-west1/clusters/cluster';

/** Sets or removes environment variables until the end of the test. */
export const setEnvironment = (values: Readonly<Record<string, string | undefined>>): void => {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    const set = (wanted: string | undefined): void => {
      if (wanted === undefined) delete process.env[name];
      else process.env[name] = wanted;
    };
    set(value);
    onTestFinished(() => set(before));
  }
};

/** The metadata server and the GKE API, which the auth library finds as on Cloud Run. Credentials of this machine are hidden. */
export const startGoogleWorld = async (options: Partial<GoogleOptions> = {}): Promise<Google> => {
  const google = await startGoogle({ email: EMAIL, clusters: {}, ...options });
  onTestFinished(() => google.close());
  const empty = mkdtempSync(join(tmpdir(), 'tensorio-gcloud-'));
  onTestFinished(() => rmSync(empty, { recursive: true }));
  setEnvironment({
    GCE_METADATA_HOST: google.metadataHost,
    METADATA_SERVER_DETECTION: 'assume-present',
    GOOGLE_APPLICATION_CREDENTIALS: undefined,
    CLOUDSDK_CONFIG: empty,
  });
  return google;
};

/** The metadata server of a machine with limited access scopes: its tokens have those, whatever is requested. */
export const narrowScopes = async (google: Google): Promise<ScriptedServer> => {
  const narrow = await startScripted(async ({ url, headers }, response) => {
    const path = url.replace(/(token)\?.*$/, '$1');
    const flavor = String(headers['metadata-flavor'] ?? '');
    const answer = await fetch(`http://${google.metadataHost}${path}`, { headers: { 'Metadata-Flavor': flavor } });
    const type = answer.headers.get('content-type') ?? '';
    response.writeHead(answer.status, { 'content-type': type, 'Metadata-Flavor': 'Google' });
    response.end(await answer.text());
  });
  setEnvironment({ GCE_METADATA_HOST: narrow.host });
  return narrow;
};

/** An API server that identifies users with `google`, as GKE does: {@link EMAIL} may use Jobs, others are refused. */
export const startGkeServer = async (google: Google, certificate: Certificate): Promise<ScriptedServer> =>
  startScripted(({ method, headers, url, body }, response) => {
    const user = google.userOf((headers.authorization ?? '').replace('Bearer ', ''));
    if (user === null) return answerStatus(response, 401, 'Unauthorized', 'Unauthorized');
    if (user === EMAIL)
      return answerJson(response, 200, method === 'POST' ? JSON.parse(body) : { metadata: { name: url } });
    const message = `jobs.batch "job" is forbidden: User "${user}" cannot get resource "jobs" in API group "batch" in the namespace "ns"`;
    return answerStatus(response, 403, 'Forbidden', message);
  }, certificate);
