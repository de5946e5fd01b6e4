/**
 * What Kubernetes and the image registries accept, so that a typo is a sentence here and not a refusal there.
 * Names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ ; labels: .../labels/ ; quantities:
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ ; images: distribution/reference.
 */
export interface Syntax {
  /** What it is, in words that follow "is not". */
  readonly what: string;
  readonly test: (text: string) => boolean;
  /** For JSON Schema: an ECMA 262 pattern that accepts at least what `test` does. */
  readonly pattern: string;
}

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** RFC 1123 label: namespaces, containers. */
export const DNS_LABEL = syntax(
  'a name of at most 63 lower-case letters, digits and "-", beginning and ending with a letter or digit',
  LABEL,
);

/** RFC 1123 subdomain: Secrets, service accounts, priority classes. */
export const DNS_SUBDOMAIN = syntax(
  'a name of at most 253 lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  SUBDOMAIN,
  (text) => text.length <= 253,
);

/** A key of a Secret or ConfigMap; it becomes a file name. */
export const SECRET_KEY = syntax(
  'a key of a Secret: at most 253 letters, digits, "-", "_" and "."',
  /^[A-Za-z0-9._-]{1,253}$/,
  (text) => text !== '.' && !text.startsWith('..'),
);

const QUALIFIED = /^([^/]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** `name` or `prefix/name`: label and annotation keys, extended resources. */
export const LABEL_KEY = syntax(
  'a label key: [prefix/]name, the name at most 63 letters, digits, "-", "_" and ".", the prefix a DNS name',
  QUALIFIED,
  (text) => !text.includes('/') || DNS_SUBDOMAIN.test(text.slice(0, text.indexOf('/'))),
);

export const LABEL_VALUE = syntax(
  'a label value: at most 63 letters, digits, "-", "_" and ".", beginning and ending with a letter or digit',
  /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/,
);

export const QUANTITY = syntax(
  'a quantity such as "500m", "2", "1.5" or "4Gi"',
  /^\+?(\d+(\.\d*)?|\.\d+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?$/,
);

const HOST =
  /^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])(\.([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]))*(:\d{1,5})?$/;
const IMAGE_PART = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;

/** An image without tag and digest. */
export const IMAGE_REPOSITORY = syntax(
  'an image repository such as "docai/flea-aggregator" or "europe-docker.pkg.dev/project/repo/image", without tag and digest',
  /^[A-Za-z0-9._:/-]{1,255}$/,
  isRepository,
);

export const IMAGE_TAG = syntax(
  'an image tag: at most 128 letters, digits, "_", "." and "-", not beginning with "." or "-"',
  /^\w[\w.-]{0,127}$/,
);

export const IMAGE_DIGEST = syntax(
  'an image digest: "sha256:" and 64 hexadecimal digits in lower case',
  /^sha256:[a-f0-9]{64}$/,
);

/** A ":" would end the path for some container runtimes, ".." leads out of it, and "/" would hide the image. */
export const MOUNT_PATH = syntax(
  'an absolute path to mount at, such as "/etc/sacred/", without ":" and ".."',
  /^\/[^:]{1,4095}$/,
  (text) => /^[ -~]+$/.test(text) && !text.split('/').includes('..') && /[^/.]/.test(text),
);

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

// Every release, Job and Service finds its pods by these; a second value under the same key would break that, or be overwritten.
const OWNED_KEYS: ReadonlySet<string> = new Set([
  'app.kubernetes.io/name',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'job-name',
  'controller-uid',
  'pod-template-hash',
]);
const OWNED_PREFIXES: readonly string[] = ['tensorio-trigger/', 'batch.kubernetes.io/', 'kueue.x-k8s.io/'];

/** The size of a quantity, to compare two of them; `NaN` for what is not one. */
export function quantityValue(text: string): number {
  const match = /^\+?([\d.]+)([A-Za-z]{0,2})((?:[eE][+-]?\d+)?)$/.exec(text);
  if (!QUANTITY.test(text) || match === null) return QUANTITY.test(text) ? Number(text) : Number.NaN;
  const [, digits = '', suffix = '', exponent = ''] = match;
  return Number(`${digits}${exponent}`) * (suffix === '' ? 1 : (FACTORS[suffix] ?? Number.NaN));
}

/** Whether a label or annotation key is set by us or by a controller. */
export function isOwnedKey(key: string): boolean {
  return OWNED_KEYS.has(key) || OWNED_PREFIXES.some((prefix) => key.startsWith(prefix));
}

function syntax(what: string, pattern: RegExp, also: (text: string) => boolean = () => true): Syntax {
  return {
    what,
    pattern: pattern.source,
    test: (text) => pattern.test(text) && also(text),
  };
}

function isRegistryHost(text: string): boolean {
  return text === 'localhost' || /[.:]/.test(text) || text !== text.toLowerCase();
}

function isRepository(text: string): boolean {
  const [first = '', ...rest] = text.split('/');
  const parts = rest.length > 0 && isRegistryHost(first) && HOST.test(first) ? rest : [first, ...rest];
  return text.length <= 255 && parts.every((part) => IMAGE_PART.test(part));
}
