import type { ComponentName, Naming } from '../names.ts';

/** The fixed properties of a service: ports, paths and gRPC service of its image. */
export interface Component {
  readonly name: ComponentName;
  readonly grpcPort: number;
  readonly restPort: number;
  readonly healthPath: string;
  /** The prefix of its gRPC methods' paths. */
  readonly grpcPrefix: string;
}

export const COMPONENTS: Readonly<Record<ComponentName, Component>> = {
  repository: {
    name: 'repository',
    grpcPort: 8080,
    restPort: 8081,
    healthPath: '/v1/repository/healthz',
    grpcPrefix: '/api.Repository/',
  },
  flea: {
    name: 'flea',
    grpcPort: 8082,
    restPort: 8083,
    healthPath: '/v1/flea/healthz',
    grpcPrefix: '/api.Flea/',
  },
};

/** The input of rendering besides the values. */
export interface RenderContext extends Naming {
  readonly namespace: string;
  /** RFC 3339 time of the last requested restart, by component. Removing it would roll the pods again. */
  readonly restartedAt: Readonly<Partial<Record<ComponentName, string>>>;
}

/** `T` without `undefined` members, as JSON has it. */
export type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { [K in keyof T]: Plain<Exclude<T[K], undefined>> }
    : T;

/** A deep copy of `value` without `undefined` members. */
export function plain<T>(value: T): Plain<T> {
  return JSON.parse(JSON.stringify(value));
}
