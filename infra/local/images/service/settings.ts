import { accessSync, constants } from 'node:fs';
import { parseArgs } from 'node:util';

/** The external properties of a service of tensorio-models. */
export interface Service {
  readonly name: string;
  /** Its name in URLs. */
  readonly healthPath: string;
  /** The ports its image listens on. */
  readonly grpcPort: number;
  readonly restPort: number;
  /** The variables that the gcs backend requires. */
  readonly gcsVariables: readonly string[];
}

export const SERVICES: Readonly<Record<string, Service>> = {
  repository: {
    name: 'repository',
    healthPath: '/v1/repository/healthz',
    grpcPort: 8080,
    restPort: 8081,
    gcsVariables: ['REPOSITORY_GCS_BUCKET'],
  },
  flea: {
    name: 'flea',
    healthPath: '/v1/flea/healthz',
    grpcPort: 8082,
    restPort: 8083,
    gcsVariables: ['FLEA_GCS_BUCKET', 'FLEA_UPLOAD_GCS_BUCKET', 'GOOGLE_ACCESS_ID', 'PRIVATE_PEM_KEY'],
  },
};

export interface Settings {
  readonly service: Service;
  readonly backend: 'memory' | 'gcs';
  readonly grpcPort: number;
  readonly restPort: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the arguments (the service, then the arguments of the container) and the environment.
 * @throws an Error that says what is missing: the real services do not start without it either
 */
export function parseSettings(args: readonly string[], env: Env): Settings {
  const [name = '', ...given] = args;
  const service = SERVICES[name];
  if (service === undefined) throw new Error(`"${name}" is no service: ${Object.keys(SERVICES).join(', ')}`);
  const backend = parseBackend(given);
  requireVariable(env, 'AUTH_TOKENS_FILE');
  if (backend === 'memory') requireFile('AUTH_TOKENS_FILE', env['AUTH_TOKENS_FILE'] ?? '');
  else checkGcs(service, env);
  return {
    service,
    backend,
    grpcPort: parsePort(env['GRPC_PORT'], service.grpcPort),
    restPort: parsePort(env['REST_PORT'], service.restPort),
  };
}

/** Parses flags as Go's flag package does: one or two dashes, the value as the next argument or after `=`. */
function parseBackend(given: readonly string[]): Settings['backend'] {
  const args = given.map((each) => each.replace(/^-(?=[a-z])/, '--'));
  const { backend } = parseArgs({ args, options: { backend: { type: 'string' } } }).values;
  if (backend === 'memory' || backend === 'gcs') return backend;
  throw new Error(`-backend ${JSON.stringify(backend ?? '')}: memory or gcs`);
}

function requireVariable(env: Env, name: string): void {
  if ((env[name] ?? '') === '') throw new Error(`the environment variable ${name} is not set`);
}

function requireFile(name: string, path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw new Error(`${name}: open ${path}: no such file, or it cannot be read`, { cause });
  }
}

function checkGcs({ gcsVariables }: Service, env: Env): void {
  for (const name of gcsVariables) requireVariable(env, name);
  const credentials = env['GOOGLE_APPLICATION_CREDENTIALS'] ?? '';
  // Without it, the credentials are those of the node or of the pod's service account.
  if (credentials !== '') requireFile('GOOGLE_APPLICATION_CREDENTIALS', credentials);
}

/** The port of the image, unless the pod declares another. */
function parsePort(text: string | undefined, own: number): number {
  return /^\d+$/.test(text ?? '') ? Number(text) : own;
}
