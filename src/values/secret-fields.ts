import * as z from 'zod';
import { privateTextField, textField, line } from './fields.ts';
import { DNS_LABEL, DNS_SUBDOMAIN, MOUNT_PATH, SECRET_KEY } from './kubernetes-syntax.ts';

const REFERENCE = 'write {secret: <name of the Secret>, key: <its key>}';

const secretName = privateTextField({
  ...DNS_SUBDOMAIN,
  what: `the name of a Secret: ${DNS_SUBDOMAIN.what.replace('a name of ', '')}`,
}).meta({ id: 'SecretName' });
const secretKey = privateTextField(SECRET_KEY).meta({ id: 'SecretKeyName' });

/** `{secret, key}`. Errors never quote the input: it may be the token itself. */
export const SecretKeySchema = z
  .strictObject(
    { secret: secretName.describe('Name of the Secret.'), key: secretKey.describe('Key in the Secret.') },
    { error: (issue) => (issue.code === 'invalid_type' ? wrongReference(issue.input) : undefined) },
  )
  .meta({ id: 'SecretKey' });

const account = {
  secret: secretName.describe('Name of the Secret.'),
  key: secretKey.describe('Key with the key file of the Google service account.'),
  mountPath: textField(MOUNT_PATH).describe('Directory in the container where the key file is mounted.'),
};

/** The Secret with a Google service account's key file, and where it is mounted. */
export const ServiceAccountSchema = z
  .strictObject(account, { error: wrongAccount('secret, key, mountPath') })
  .meta({ id: 'ServiceAccount' });

/**
 * The Secret with the two keys by which flea signs upload URLs. With Workload Identity there is no key file: `key` and
 * `mountPath` are left out.
 */
export const SigningAccountSchema = z.strictObject(
  {
    ...account,
    key: account.key.optional(),
    mountPath: account.mountPath.optional(),
    pemFile: secretKey.optional().describe('Key with the private key that signs upload URLs.'),
    googleAccessId: secretKey.optional().describe('Key with the account that signs upload URLs.'),
  },
  { error: wrongAccount('secret, key, pemFile, googleAccessId, mountPath') },
);

const CheckedKeySchema = z.strictObject({
  key: textField(SECRET_KEY).describe('Key that must exist in the Secret.'),
  displayName: textField(line('what the key is for', 253)).optional().describe('Name of the key in error messages.'),
});

/** A Secret that must exist before anything is written. A key is `{key, displayName}`, as in the chart, or a name. */
export const CheckSecretSchema = z.strictObject({
  name: textField(DNS_SUBDOMAIN).describe('Name of the Secret.'),
  namespace: textField(DNS_LABEL).optional().describe('Namespace of the Secret. Default: the namespace of the values.'),
  keys: z
    .array(z.union([textField(SECRET_KEY).transform((key) => ({ key })), CheckedKeySchema]))
    .min(1)
    .describe('Keys that must exist, as names or as {key: ..., displayName: ...}.'),
});

export type SecretKeyRef = z.infer<typeof SecretKeySchema>;
export type CheckSecretValues = z.infer<typeof CheckSecretSchema>;

function wrongReference(input: unknown): string {
  if (typeof input === 'string' || typeof input === 'number') {
    return `is given as plain text; tokens and keys are taken from a Secret only: ${REFERENCE}`;
  }
  return `is not a reference to a key of a Secret: ${REFERENCE}`;
}

function wrongAccount(fields: string) {
  return (issue: { readonly code?: string | undefined }) =>
    issue.code === 'invalid_type' ? `is not a reference to a Secret: write {${fields}}` : undefined;
}
