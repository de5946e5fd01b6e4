import { describe, expect, test, vi } from 'vitest';
import { type ClusterConfig, createClusterAccess } from '../../src/cluster/access.ts';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import { UnavailableError, UpstreamError } from '../../src/errors.ts';
import { type Certificate, newCertificate, trustPublicly } from './certificates.ts';
import { CLUSTER, EMAIL, narrowScopes, setEnvironment, startGkeServer, startGoogleWorld } from './google-world.ts';
import { answerJson, startScripted } from './scripted-server.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A clusters.get answer with every endpoint at `host`. */
const buildCluster = (host: string, ca: string) => ({
  name: 'cluster',
  endpoint: host,
  masterAuth: { clusterCaCertificate: base64(ca) },
  privateClusterConfig: { privateEndpoint: host, publicEndpoint: host },
  controlPlaneEndpointsConfig: {
    dnsEndpointConfig: { endpoint: host, allowExternalTraffic: true },
    ipEndpointsConfig: { enabled: true, enablePublicEndpoint: true, publicEndpoint: host, privateEndpoint: host },
  },
});

type Endpoint = 'dns' | 'public' | 'private';

const openGke = async (endpoint: Endpoint, certificate: Certificate) => {
  const clusters: Record<string, object> = {};
  const google = await startGoogleWorld({ clusters });
  const server = await startGkeServer(google, certificate);
  clusters[CLUSTER] = buildCluster(server.host, certificate.cert);
  const config: ClusterConfig = { kind: 'gke', cluster: CLUSTER, endpoint, gkeApiEndpoint: google.gkeApiUrl };
  const access = createClusterAccess(config);
  // Retries of the metadata server alone take 9 s; no test here waits for the deadline.
  return { google, server, clusters, access, cluster: createCluster(access, { deadlineMs: 120_000 }) };
};

const lookUps = (requests: readonly string[]): number =>
  requests.filter((each) => each.includes('/v1/projects/')).length;

describe('the endpoint', () => {
  test.each(['public', 'private'] as const)('%s: by IP, with the CA of the cluster', async (endpoint) => {
    const { cluster, server } = await openGke(endpoint, await newCertificate());
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
    expect(server.requests).toHaveLength(1);
  });

  test('dns: by name, with public authorities, regardless of the CA of the cluster', async () => {
    const certificate = await newCertificate();
    trustPublicly(certificate);
    const { cluster, clusters, server } = await openGke('dns', certificate);
    clusters[CLUSTER] = buildCluster(server.host, (await newCertificate()).cert);
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
  });

  test('dns: a server with a certificate of the cluster’s own CA is not trusted', async () => {
    const { cluster, server } = await openGke('dns', await newCertificate());
    await expect(cluster.getJob('ns', 'job')).rejects.toThrow(/self-signed.*Check that the configured CA/);
    expect(server.requests).toHaveLength(0);
  });

  test('gateway: the membership’s path on the gateway’s host', async () => {
    const certificate = await newCertificate();
    trustPublicly(certificate);
    const google = await startGoogleWorld();
    const server = await startGkeServer(google, certificate);
    const cluster = createCluster(
      createClusterAccess({
        kind: 'gateway',
        projectNumber: '12',
        location: 'us-west1',
        membership: 'm',
        apiEndpoint: server.url,
      }),
    );
    await cluster.getJob('ns', 'job');
    expect(server.requests[0]?.url).toBe(
      '/v1/projects/12/locations/us-west1/gkeMemberships/m/apis/batch/v1/namespaces/ns/jobs/job',
    );
  });

  test.each([
    ['global', 'https://connectgateway.googleapis.com/v1/projects/12/locations/global/gkeMemberships/m'],
    ['us-west1', 'https://us-west1-connectgateway.googleapis.com/v1/projects/12/locations/us-west1/gkeMemberships/m'],
  ])('gateway: a membership in %s has the host of its location', async (location, server) => {
    const access = createClusterAccess({ kind: 'gateway', projectNumber: '12', location, membership: 'm' });
    await expect(access.endpoint()).resolves.toEqual({ server });
  });

  test('configured: is not looked up', async () => {
    const certificate = await newCertificate();
    const google = await startGoogleWorld();
    const server = await startGkeServer(google, certificate);
    const cluster = createCluster(
      createClusterAccess({ kind: 'endpoint', server: `${server.url}/`, caPem: certificate.cert }),
    );
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
    expect(lookUps(google.requests())).toBe(0);
  });

  test('plain http is refused, because it would expose the token', () => {
    expect(() => createClusterAccess({ kind: 'endpoint', server: 'http://10.0.0.1' })).toThrow(/https/);
  });

  test('is looked up once for concurrent calls', async () => {
    const { cluster, google } = await openGke('public', await newCertificate());
    await Promise.all(Array.from({ length: 10 }, () => cluster.getJob('ns', 'job')));
    expect(lookUps(google.requests())).toBe(1);
  });

  test('that could not be looked up is looked up again', async () => {
    const { cluster, clusters, server } = await openGke('public', await newCertificate());
    const known = clusters[CLUSTER];
    delete clusters[CLUSTER];
    await expect(cluster.getJob('ns', 'job')).rejects.toThrow(UpstreamError);
    if (known !== undefined) clusters[CLUSTER] = known;
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
    expect(server.requests).toHaveLength(1);
  });

  test('that has a new address is found again', async () => {
    const certificate = await newCertificate();
    const { cluster, clusters, server, google } = await openGke('public', certificate);
    await cluster.getJob('ns', 'job');
    await server.close();
    const moved = await startGkeServer(google, certificate);
    clusters[CLUSTER] = buildCluster(moved.host, certificate.cert);
    await expect(cluster.createJob({ metadata: { namespace: 'ns', name: 'job' } })).resolves.toMatchObject({
      metadata: { name: 'job' },
    });
    expect(moved.requests).toHaveLength(1);
  });

  test('whose CA was rotated is trusted again', async () => {
    const { cluster, clusters, server, google } = await openGke('private', await newCertificate());
    await cluster.getJob('ns', 'job');
    await server.close();
    const rotated = await newCertificate();
    const renewed = await startGkeServer(google, rotated);
    clusters[CLUSTER] = buildCluster(renewed.host, rotated.cert);
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
    expect(lookUps(google.requests())).toBe(2);
  });
});

describe('the error for a cluster that cannot be used as configured contains the remedy', () => {
  const dns = { controlPlaneEndpointsConfig: { dnsEndpointConfig: { endpoint: 'x.gke.goog' } } };
  test.each<[string, Endpoint, object, RegExp]>([
    [
      'no DNS endpoint',
      'dns',
      { endpoint: '10.0.0.1' },
      /no DNS endpoint.*gcloud container clusters update cluster --project=project --location=europe-west1 --enable-dns-access/,
    ],
    ['DNS endpoint closed to the outside', 'dns', dns, /allowExternalTraffic.*--enable-dns-access/],
    [
      'no private endpoint',
      'private',
      { endpoint: '10.0.0.1', masterAuth: { clusterCaCertificate: 'eA==' } },
      /no private IP endpoint/,
    ],
    [
      'public endpoint off',
      'public',
      { endpoint: '10.0.0.1', controlPlaneEndpointsConfig: { ipEndpointsConfig: { enabled: true } } },
      /no public IP endpoint/,
    ],
    [
      'IP endpoints off',
      'private',
      { controlPlaneEndpointsConfig: { ipEndpointsConfig: { enabled: false, privateEndpoint: '10.0.0.1' } } },
      /no private IP endpoint/,
    ],
    ['no CA', 'public', { endpoint: '10.0.0.1' }, /clusterCaCertificate/],
    ['another shape', 'public', { endpoint: 7 }, /not as documented/],
  ])('%s', async (_name, endpoint, answer, message) => {
    const google = await startGoogleWorld({ clusters: { [CLUSTER]: answer } });
    const access = createClusterAccess({ kind: 'gke', cluster: CLUSTER, endpoint, gkeApiEndpoint: google.gkeApiUrl });
    const refused = access.endpoint();
    await expect(refused).rejects.toThrow(UpstreamError);
    await expect(refused).rejects.toThrow(message);
  });

  test('an older cluster has its public address in `endpoint`', async () => {
    const answer = { endpoint: '203.0.113.7', masterAuth: { clusterCaCertificate: base64('pem') } };
    const google = await startGoogleWorld({ clusters: { [CLUSTER]: answer } });
    const access = createClusterAccess({
      kind: 'gke',
      cluster: CLUSTER,
      endpoint: 'public',
      gkeApiEndpoint: google.gkeApiUrl,
    });
    await expect(access.endpoint()).resolves.toEqual({ server: 'https://203.0.113.7', caPem: 'pem' });
  });

  test.each([
    [403, UpstreamError, /container\.clusters\.get/],
    [404, UpstreamError, /no such cluster/],
    [400, UpstreamError, /400/],
    [429, UnavailableError, /429/],
    [503, UnavailableError, /503/],
  ])('clusters.get answers %i', async (status, type, message) => {
    await startGoogleWorld();
    const api = await startScripted((_request, response) =>
      answerJson(response, status, { error: { code: status, message: 'words' } }),
    );
    const access = createClusterAccess({ kind: 'gke', cluster: CLUSTER, endpoint: 'dns', gkeApiEndpoint: api.url });
    const refused = access.endpoint();
    await expect(refused).rejects.toThrow(type);
    await expect(refused).rejects.toThrow(message);
  });

  test('no GKE API at all', async () => {
    await startGoogleWorld();
    const api = await startScripted(() => undefined);
    await api.close();
    const access = createClusterAccess({ kind: 'gke', cluster: CLUSTER, endpoint: 'dns', gkeApiEndpoint: api.url });
    await expect(access.endpoint()).rejects.toThrow(UnavailableError);
  });
});

describe('credentials', () => {
  test('the API server identifies the service account by its email', async () => {
    const { cluster, google, server } = await openGke('public', await newCertificate());
    await cluster.getJob('ns', 'job');
    const token = (server.requests[0]?.headers.authorization ?? '').replace('Bearer ', '');
    expect(google.userOf(token)).toBe(EMAIL);
    expect(google.requests().some((each) => /token\?scopes=.*userinfo\.email/.test(decodeURIComponent(each)))).toBe(
      true,
    );
  });

  test('a token is used for many requests', async () => {
    const { cluster, google } = await openGke('public', await newCertificate());
    for (let index = 0; index < 5; index += 1) await cluster.getJob('ns', 'job');
    expect(google.requests().filter((each) => each.includes('/token'))).toHaveLength(1);
  });

  test('an expired token is replaced', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { cluster, server, google } = await openGke('public', await newCertificate());
      await cluster.getJob('ns', 'job');
      vi.setSystemTime(Date.now() + 3_601_000);
      await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
      expect(server.requests).toHaveLength(2);
      expect(server.requests[0]?.headers.authorization).not.toBe(server.requests[1]?.headers.authorization);
      expect(google.issuedTokens().size).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a token that was revoked is refreshed, and the create is carried out once', async () => {
    const { cluster, google, server } = await openGke('public', await newCertificate());
    await cluster.getJob('ns', 'job');
    google.revokeAll();
    const job = { metadata: { namespace: 'ns', name: 'job' } };
    await expect(cluster.createJob(job)).resolves.toMatchObject(job);
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'POST']);
  });

  test('concurrent calls with a revoked token share one refresh', async () => {
    const { cluster, google } = await openGke('public', await newCertificate());
    await cluster.getJob('ns', 'job');
    google.revokeAll();
    const before = google.requests().length;
    await Promise.all(Array.from({ length: 8 }, () => cluster.getJob('ns', 'job')));
    expect(google.requests().length - before).toBeLessThan(8);
  });

  test('a revoked token is refreshed for clusters.get, too', async () => {
    const { access, google } = await openGke('public', await newCertificate());
    await access.token();
    google.revokeAll();
    await expect(access.endpoint()).resolves.toMatchObject({ server: expect.stringMatching(/^https:/) });
  });

  test('a token without the email scope is a number to the API server, and the error explains it', async () => {
    const certificate = await newCertificate();
    const google = await startGoogleWorld();
    const server = await startGkeServer(google, certificate);
    const narrow = await narrowScopes(google);
    const access = createClusterAccess({ kind: 'endpoint', server: server.url, caPem: certificate.cert });
    const refused = createCluster(access).getJob('ns', 'job');
    await expect(refused).rejects.toThrow(UpstreamError);
    await expect(refused).rejects.toThrow(/user "\d{21}" may not get jobs.*userinfo\.email/);
    // The scope was requested.
    expect(narrow.requests.some(({ url }) => url.includes('userinfo.email'))).toBe(true);
  });

  test('a metadata server that is down is UnavailableError, and is used again when it is back', async () => {
    const { cluster, google } = await openGke('public', await newCertificate());
    google.setDown(true);
    await expect(cluster.getJob('ns', 'job')).rejects.toThrow(UnavailableError);
    google.setDown(false);
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
  });

  test('without credentials, the error contains the command that creates them', async () => {
    await startGoogleWorld();
    setEnvironment({ METADATA_SERVER_DETECTION: 'none' });
    const access = createClusterAccess({ kind: 'endpoint', server: 'https://127.0.0.1:9' });
    await expect(access.token()).rejects.toThrow(UpstreamError);
    await expect(access.token()).rejects.toThrow(/gcloud auth application-default login/);
  });
});
