import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The environment that makes `gcloud storage` speak to the server at `url`, with nothing of this machine's configuration. */
export function gcloudSettings(folder: string, url: string): Record<string, string> {
  return {
    CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: `${url}/storage/v1/`,
    CLOUDSDK_AUTH_DISABLE_CREDENTIALS: 'true',
    CLOUDSDK_CORE_PROJECT: 'p',
    CLOUDSDK_CONFIG: join(folder, 'config'),
    CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
  };
}

/** The same of gsutil, which speaks HTTPS only; `more`: lines of its [GSUtil] section. */
export function gsutilSettings(folder: string, url: string, more: readonly string[] = []): Record<string, string> {
  const { hostname, port } = new URL(url);
  const boto = [
    '[Credentials]',
    `gs_json_host = ${hostname}`,
    `gs_json_port = ${port}`,
    '[Boto]',
    'https_validate_certificates = False',
    '[GSUtil]',
    'default_project_id = p',
    `state_dir = ${join(folder, 'state')}`,
    ...more,
  ];
  writeFileSync(join(folder, 'boto'), boto.join('\n'));
  return {
    BOTO_CONFIG: join(folder, 'boto'),
    CLOUDSDK_CONFIG: join(folder, 'config'),
    CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL: 'false',
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
  };
}
