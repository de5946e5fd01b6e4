/**
 * What Kubernetes and the image registries accept, so that a typing error is reported before any call.
 * Names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/, labels: .../labels/, quantities:
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/, images: https://github.com/distribution/reference.
 */
export interface Syntax {
  /** The name of the syntax, to follow "is not". */
  readonly what: string;
  readonly test: (text: string) => boolean;
  /** For JSON Schema: an ECMA 262 pattern that accepts everything that `test` accepts. */
  readonly pattern: string;
}

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** An RFC 1123 label: the name of a namespace or a container. */
export const DNS_LABEL = syntax(
  'a name of at most 63 lower-case letters, digits and "-", beginning and ending with a letter or digit',
  LABEL,
);

/** The beginning of a task id. */
export const TASK_ID_PREFIX = syntax(
  'a text of at most 50 letters, digits, "-", "_" and ".", beginning with a letter or digit, as in "ios-"',
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$/,
);

/** An RFC 1123 subdomain: the name of a Secret, a service account or a priority class. */
export const DNS_SUBDOMAIN = syntax(
  'a name of at most 253 lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  SUBDOMAIN,
  (text) => text.length <= 253,
);

/** A key of a Secret or ConfigMap, which becomes a file name. */
export const SECRET_KEY = syntax(
  'a key of a Secret: at most 253 letters, digits, "-", "_" and "."',
  /^[A-Za-z0-9._-]{1,253}$/,
  (text) => text !== '.' && !text.startsWith('..'),
);

const QUALIFIED = /^([^/]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** `name` or `prefix/name`: a label or annotation key, or an extended resource. */
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

/** An image name without tag and digest. */
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

/** A ":" ends the path for some container runtimes, ".." leaves it, and "/" alone would hide the image's files. */
export const MOUNT_PATH = syntax(
  'an absolute path to mount at, such as "/etc/sacred/", without ":" and ".."',
  /^\/[^:]{1,4095}$/,
  (text) => /^[ -~]+$/.test(text) && !text.split('/').includes('..') && /[^/.]/.test(text),
);

const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

// Releases, Jobs and Services select their pods by these keys. Another value would break the selection or be overwritten.
const OWNED_KEYS: ReadonlySet<string> = new Set([
  'app.kubernetes.io/name',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'job-name',
  'controller-uid',
  'pod-template-hash',
]);
const OWNED_PREFIXES: readonly string[] = ['tensorio-trigger/', 'batch.kubernetes.io/', 'kueue.x-k8s.io/'];

/** The numeric value of a quantity, or `NaN` for a text that is not a quantity. */
export function quantityValue(text: string): number {
  const [, number = '', suffix = ''] = /^(.*?)([A-Za-z]i?)?$/.exec(text) ?? [];
  if (!QUANTITY.test(text)) return Number.NaN;
  if (suffix.endsWith('i')) return Number(number) * 1024 ** BINARY.indexOf(suffix);
  return /e/i.test(number) ? Number(number) : Number(`${number}e${3 * (DECIMAL.indexOf(suffix) - 3)}`);
}

/** Whether this service or a controller sets the label or annotation key. */
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
