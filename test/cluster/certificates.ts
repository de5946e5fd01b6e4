import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { generate } from 'selfsigned';
import { onTestFinished } from 'vitest';

export interface Certificate {
  readonly key: string;
  /** The certificate, which is its own authority. */
  readonly cert: string;
}

/** A certificate for 127.0.0.1 that nobody trusts yet. */
export const newCertificate = async (): Promise<Certificate> => {
  const made = await generate([{ name: 'commonName', value: 'cluster' }], {
    keySize: 2048,
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { key: made.private, cert: made.cert };
};

/** Makes a certificate count as one of the public authorities, until the end of the test. */
export const trustPublicly = ({ cert }: Certificate): void => {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert]);
  onTestFinished(() => setDefaultCACertificates(before));
};
