import { z } from 'zod';
import { privateTextField, textField, line } from './fields.ts';
import { DNS_LABEL, DNS_SUBDOMAIN, MOUNT_PATH, SECRET_KEY } from './kubernetes-syntax.ts';

const REFERENCE = 'write {secret: <name of the Secret>, key: <its key>}';

const secretName = privateTextField({
  ...DNS_SUBDOMAIN,
  what: `the name of a Secret: ${DNS_SUBDOMAIN.what.replace('a name of ', '')}`,
});
const secretKey = privateTextField(SECRET_KEY);

/** `{secret, key}`. What stands there by mistake is never repeated: it may be the token itself. */
export const SecretKeySchema = z.strictObject(
  { secret: secretName, key: secretKey },
  { error: (issue) => (issue.code === 'invalid_type' ? wrongReference(issue.input) : undefined) },
);

const account = { secret: secretName, key: secretKey, mountPath: textField(MOUNT_PATH) };

/** The Secret with a Google service account's key file, and where it is mounted. */
export const ServiceAccountSchema = z.strictObject(account, { error: wrongAccount('secret, key, mountPath') });

/** flea's also holds the two keys by which it signs upload URLs. */
export const SigningAccountSchema = z.strictObject(
  { ...account, pemFile: secretKey.optional(), googleAccessId: secretKey.optional() },
  { error: wrongAccount('secret, key, pemFile, googleAccessId, mountPath') },
);

const CheckedKeySchema = z.strictObject({
  key: textField(SECRET_KEY),
  displayName: textField(line('what the key is for', 253)).optional(),
});

/** A Secret that must be there before anything is written. A key is `{key, displayName}` as in the chart, or its bare name. */
export const CheckSecretSchema = z.strictObject({
  name: textField(DNS_SUBDOMAIN),
  namespace: textField(DNS_LABEL).optional(),
  keys: z.array(z.union([textField(SECRET_KEY).transform((key) => ({ key })), CheckedKeySchema])).min(1),
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
