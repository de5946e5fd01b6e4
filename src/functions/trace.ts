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
