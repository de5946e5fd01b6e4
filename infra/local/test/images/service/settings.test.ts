import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../../images/service/settings.ts';

const here = import.meta.filename;
const gcs = ['repository', '-backend', 'gcs'];
const fleaVariables = {
  AUTH_TOKENS_FILE: 'tokens.txt',
  FLEA_GCS_BUCKET: 'a',
  FLEA_UPLOAD_GCS_BUCKET: 'b',
  GOOGLE_ACCESS_ID: 'c',
  PRIVATE_PEM_KEY: 'd',
};

describe('settings of the service stand-in', () => {
  test.each([['-backend', 'memory'], ['--backend', 'memory'], ['-backend=memory'], ['--backend=memory']])(
    'the backend may be written as Go takes it: %s',
    (...args) => {
      const settings = parseSettings(['repository', ...args], { AUTH_TOKENS_FILE: here });
      expect(settings).toMatchObject({ backend: 'memory', grpcPort: 8080, restPort: 8081 });
    },
  );

  test('ports are those of the pod, where it declares some', () => {
    const env = { AUTH_TOKENS_FILE: here, GRPC_PORT: '40001', REST_PORT: '$(PORT_rest)' };
    expect(parseSettings(['flea', '-backend', 'memory'], env)).toMatchObject({ grpcPort: 40_001, restPort: 8083 });
  });

  test.each([
    [['repository', '-backend', 'memory'], {}, 'AUTH_TOKENS_FILE is not set'],
    [['flea', '-backend', 'gcs'], {}, 'AUTH_TOKENS_FILE is not set'],
    [['repository', '-backend', 'memory'], { AUTH_TOKENS_FILE: '/no/such/file' }, 'open /no/such/file'],
    [gcs, { AUTH_TOKENS_FILE: 'tokens.txt' }, 'REPOSITORY_GCS_BUCKET is not set'],
    [
      gcs,
      { AUTH_TOKENS_FILE: 't', REPOSITORY_GCS_BUCKET: 'b', GOOGLE_APPLICATION_CREDENTIALS: '/no/key' },
      'open /no/key',
    ],
    [['repository'], { AUTH_TOKENS_FILE: here }, '-backend ""'],
    [['repository', '-backend', 'disk'], { AUTH_TOKENS_FILE: here }, '-backend "disk"'],
    [['repository', '-backened', 'gcs'], { AUTH_TOKENS_FILE: here }, '--backened'],
    [['models', '-backend', 'gcs'], { AUTH_TOKENS_FILE: here }, '"models" is no service'],
  ])('%j with %j is refused', (args, env, message) => {
    expect(() => parseSettings(args, env)).toThrow(message);
  });

  test.each(Object.keys(fleaVariables))('flea on gcs does not start without %s', (name) => {
    const args = ['flea', '-backend', 'gcs'];
    expect(parseSettings(args, fleaVariables)).toMatchObject({ backend: 'gcs' });
    expect(() => parseSettings(args, { ...fleaVariables, [name]: '' })).toThrow(`${name} is not set`);
  });
});
