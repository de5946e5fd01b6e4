import type { RawApi } from '../contracts/raw-api.ts';
import { expect, vi } from 'vitest';

type Schema = Readonly<Record<string, unknown>>;

const text = (more: Schema = {}): Schema => ({ type: 'string', ...more });
const whole = (more: Schema = {}): Schema => ({ type: 'integer', format: 'int32', ...more });
const object = (properties: Schema, more: Schema = {}): Schema => ({ type: 'object', properties, ...more });
const list = (items: Schema, more: Schema = {}): Schema => ({
  type: 'array',
  items,
  'x-kubernetes-list-type': 'atomic',
  ...more,
});

const DNS_NAME = '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';

/** Emissary-ingress 3: https://emissary-ingress.dev/docs/latest/topics/using/mappings/ */
const mappingSpec = object(
  {
    hostname: text(),
    prefix: text(),
    rewrite: text(),
    service: text(),
    grpc: { type: 'boolean' },
    timeout_ms: whole(),
  },
  { required: ['prefix', 'service'] },
);

const parentRef = object(
  {
    group: text({ default: 'gateway.networking.k8s.io' }),
    kind: text({ default: 'Gateway' }),
    namespace: text({ maxLength: 63 }),
    name: text({ minLength: 1, maxLength: 253 }),
    sectionName: text({ minLength: 1, maxLength: 253 }),
    port: whole({ minimum: 1, maximum: 65_535 }),
  },
  { required: ['name'] },
);

const backendRef = object(
  {
    group: text({ default: '' }),
    kind: text({ default: 'Service' }),
    namespace: text(),
    name: text({ minLength: 1 }),
    port: whole({ minimum: 1, maximum: 65_535 }),
    weight: whole({ default: 1, minimum: 0 }),
  },
  {
    required: ['name'],
    'x-kubernetes-validations': [
      { message: 'a Service needs a port', rule: "self.group != '' || self.kind != 'Service' || has(self.port)" },
    ],
  },
);

const pathMatch = object(
  {
    type: text({ enum: ['Exact', 'PathPrefix', 'RegularExpression'], default: 'PathPrefix' }),
    value: text({ maxLength: 1_024, default: '/' }),
  },
  {
    default: { type: 'PathPrefix', value: '/' },
    'x-kubernetes-validations': [
      { message: 'a path starts with / and ends without one', rule: "self.value.matches('^/([^/]+(/[^/]+)*)?$')" },
    ],
  },
);

const rewrite = object({
  hostname: text(),
  path: object(
    { type: text({ enum: ['ReplaceFullPath', 'ReplacePrefixMatch'] }), replacePrefixMatch: text() },
    { required: ['type'] },
  ),
});

const rule = object(
  {
    name: text(),
    matches: list(object({ path: pathMatch, method: text() }), {
      default: [{ path: { type: 'PathPrefix', value: '/' } }],
      maxItems: 64,
    }),
    filters: list(object({ type: text(), urlRewrite: rewrite }, { required: ['type'] }), { maxItems: 16 }),
    backendRefs: list(backendRef, { maxItems: 16 }),
  },
  {
    'x-kubernetes-validations': [
      {
        message: 'ReplacePrefixMatch needs exactly one PathPrefix match',
        rule: "!has(self.filters) || !self.filters.exists(f, has(f.urlRewrite) && has(f.urlRewrite.path) && f.urlRewrite.path.type == 'ReplacePrefixMatch') || (size(self.matches) == 1 && self.matches[0].path.type == 'PathPrefix')",
      },
    ],
  },
);

/** Gateway API v1: https://gateway-api.sigs.k8s.io/reference/spec/#httproute */
const httpRouteSpec = object({
  parentRefs: list(parentRef, { maxItems: 32 }),
  hostnames: list(text({ minLength: 1, maxLength: 253, pattern: DNS_NAME }), { maxItems: 16 }),
  rules: list(rule, { maxItems: 16 }),
});

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly spec: Schema;
}

const KINDS: readonly Kind[] = [
  { group: 'getambassador.io', version: 'v3alpha1', kind: 'Mapping', plural: 'mappings', spec: mappingSpec },
  { group: 'gateway.networking.k8s.io', version: 'v1', kind: 'HTTPRoute', plural: 'httproutes', spec: httpRouteSpec },
];

const buildCrd = ({ group, version, kind, plural, spec }: Kind): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `${plural}.${group}`,
    // The API server wants it of groups under k8s.io.
    annotations: { 'api-approved.kubernetes.io': 'unapproved, a test’s own' },
  },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: object({ spec, status: { type: 'object' } }) },
      },
    ],
  },
});

/** Makes a cluster serve Mapping and HTTPRoute, with the fields of theirs that routes use. */
export const serveRoutes = async (api: RawApi, namespace: string): Promise<void> => {
  for (const kind of KINDS) {
    await api.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', buildCrd(kind));
    const path = `/apis/${kind.group}/${kind.version}/namespaces/${namespace}/${kind.plural}`;
    const served = async (): Promise<number> => (await api.send('GET', path)).status;
    await vi.waitFor(async () => expect(await served()).toBe(200), { timeout: 20_000, interval: 100 });
  }
};
