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
