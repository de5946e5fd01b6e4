import type { RawApi } from '../contracts/raw-api.ts';

const KINDS = [
  { group: 'getambassador.io', version: 'v3alpha1', plural: 'mappings', kind: 'Mapping' },
  { group: 'gateway.networking.k8s.io', version: 'v1', plural: 'httproutes', kind: 'HTTPRoute' },
] as const;

const buildDefinition = ({ group, version, plural, kind }: (typeof KINDS)[number]) => ({
  metadata: {
    name: `${plural}.${group}`,
    // The API server requires it for groups of k8s.io: https://github.com/kubernetes/enhancements/pull/1111
    annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
  },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

/** Installs the CRDs of routes, as Emissary and Gateway API do. Returns when the API server serves them. */
export const installRoutingKinds = async (admin: RawApi): Promise<void> => {
  for (const kind of KINDS) {
    const { group, version, plural } = kind;
    await admin.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', buildDefinition(kind));
    const path = `/apis/${group}/${version}/namespaces/default/${plural}`;
    // Until the group exists, the answer is not JSON.
    const isServed = (): Promise<boolean> =>
      admin.send('GET', path).then(
        ({ status }) => status === 200,
        () => false,
      );
    for (const endsAt = Date.now() + 20_000; !(await isServed());) {
      if (Date.now() > endsAt) throw new Error(`${plural} are not served after 20 s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};
