import { fileURLToPath } from 'node:url';
import { compileCache } from '../../compile-cache.ts';
import type { Images } from '../../kubelet/types.ts';

const program = fileURLToPath(new URL('../service.ts', import.meta.url));

function entryOf(service: string): Images[string] {
  return {
    command: [process.execPath, '--no-warnings', program, service],
    allowArgs: true,
    env: { ...compileCache, GRPC_PORT: '$(PORT_grpc)', REST_PORT: '$(PORT_rest)' },
  };
}

/** The stand-ins for the images of the services. */
export const serviceImages: Images = {
  'docai/tensorio-models': entryOf('repository'),
  'docai/flea': entryOf('flea'),
};
