/** Syntax rules of names; each returns the messages of k8s.io/apimachinery/pkg/util/validation. */
type Rule = (value: string) => readonly string[];

function rule(pattern: RegExp, limit: number, sentence: string): Rule {
  return (value) => [
    ...(Buffer.byteLength(value) > limit ? [`must be no more than ${limit} characters`] : []),
    ...(pattern.test(value) ? [] : [sentence]),
  ];
}

const subdomainSentence =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelSentence =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const label1035Sentence =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const labelValueSentence =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const qualifiedSentence =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const configKeySentence =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

export const subdomainFaults = rule(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  253,
  subdomainSentence,
);
const strictLabelFaults = rule(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 63, labelSentence);

export const labelFaults: Rule = (value) =>
  strictLabelFaults(value).map((fault) =>
    fault === labelSentence && subdomainFaults(value).length === 0 ? 'must not contain dots' : fault,
  );
export const label1035Faults = rule(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, 63, label1035Sentence);
export const labelValueFaults = rule(/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/, 63, labelValueSentence);

const namePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** `name` or `prefix/name`: label keys, annotation keys, finalizers, resource names. */
export const qualifiedNameFaults: Rule = (value) => {
  const parts = value.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name ${qualifiedSentence} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const [prefix, name] = parts.length === 2 ? parts : [undefined, value];
  return [
    ...(prefix === '' ? ['prefix part must be non-empty'] : []),
    ...(prefix === undefined || prefix === '' ? [] : subdomainFaults(prefix).map((fault) => `prefix part ${fault}`)),
    ...(name === '' ? ['name part must be non-empty'] : []),
    ...(Buffer.byteLength(name ?? '') > 63 ? ['name part must be no more than 63 characters'] : []),
    ...(namePart.test(name ?? '') ? [] : [`name part ${qualifiedSentence}`]),
  ];
};

/** Keys of ConfigMaps and Secrets. */
export const configKeyFaults: Rule = (value) => [
  ...(Buffer.byteLength(value) > 253 ? ['must be no more than 253 characters'] : []),
  ...(/^[-._a-zA-Z0-9]+$/.test(value) ? [] : [configKeySentence]),
  ...(value === '.' ? ["must not be '.'"] : []),
  ...(value === '..' ? ["must not be '..'"] : []),
  ...(value !== '..' && value.startsWith('..') ? ["must not start with '..'"] : []),
];

/** Names of environment variables: anything printable but `=`, since 1.32. */
export const envVarNameFaults: Rule = (value) =>
  /^[ -<>-~]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

/** Names of ports: IANA_SVC_NAME. */
export const portNameFaults: Rule = (value) => [
  ...(value.length > 15 ? ['must be no more than 15 characters'] : []),
  ...(/^[-a-z0-9]+$/.test(value) ? [] : ['must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)']),
  ...(/[a-z]/.test(value) ? [] : ['must contain at least one letter (a-z)']),
  ...(value.includes('--') ? ['must not contain consecutive hyphens'] : []),
  ...(/^-|-$/.test(value) ? ['must not begin or end with a hyphen'] : []),
];
