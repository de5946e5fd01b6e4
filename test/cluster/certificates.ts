import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { generate } from 'selfsigned';
import { onTestFinished } from 'vitest';

export interface Certificate {
  readonly key: string;
  /** The certificate, which is also its certificate authority. */
  readonly cert: string;
}

/** A self-signed certificate for 127.0.0.1, or for the DNS name `host`, that is not trusted yet. */
export const newCertificate = async (host?: string): Promise<Certificate> => {
  const made = await generate([{ name: 'commonName', value: 'cluster' }], {
    keySize: 2048,
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [host === undefined ? { type: 7, ip: '127.0.0.1' } : { type: 2, value: host }],
      },
    ],
  });
  return { key: made.private, cert: made.cert };
};

/** Adds a certificate to the public authorities until the end of the test. */
export const trustPublicly = ({ cert }: Certificate): void => {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert]);
  onTestFinished(() => setDefaultCACertificates(before));
};
