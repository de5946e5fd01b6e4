import type { Request } from 'express';
import type { LogFields } from '../log.ts';

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/;
const CLOUD_TRACE = /^([0-9a-f]{32})(?:\/([0-9]+))?/;

/**
 * The fields by which Cloud Logging groups the lines of one request, from `traceparent` or `X-Cloud-Trace-Context`.
 * https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields
 */
export function traceFields(req: Request, projectId: string | undefined): LogFields {
  const trace =
    TRACEPARENT.exec(req.get('traceparent') ?? '')?.[1] ??
    CLOUD_TRACE.exec(req.get('x-cloud-trace-context') ?? '')?.[1];
  if (trace === undefined) return {};
  return { 'logging.googleapis.com/trace': projectId === undefined ? trace : `projects/${projectId}/traces/${trace}` };
}

/**
 * Who calls, from the identity token. Cloud Run has verified it before the request arrives and has removed the
 * signature, so it is read, not checked. https://cloud.google.com/run/docs/securing/service-identity
 */
export function callerOf(req: Request): string | undefined {
  const [scheme = '', token = ''] = (req.get('authorization') ?? '').split(' ', 2);
  const payload = token.split('.')[1];
  if (scheme.toLowerCase() !== 'bearer' || payload === undefined || token.length > 16_384) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('email' in claims)) return undefined;
    return typeof claims.email === 'string' && /^[^\s<>]{3,320}$/.test(claims.email) ? claims.email : undefined;
  } catch {
    return undefined;
  }
}
