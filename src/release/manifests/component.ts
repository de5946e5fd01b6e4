import type { ComponentName } from '../names.ts';

/** What a service is, whatever the values say: the image's own ports, paths and gRPC service. */
export interface Component {
  readonly name: ComponentName;
  /** The value of `app.kubernetes.io/name`. */
  readonly label: string;
  readonly grpcPort: number;
  readonly restPort: number;
  readonly healthPath: string;
  /** The prefix of its gRPC methods' paths. */
  readonly grpcPrefix: string;
}

export const COMPONENTS: Readonly<Record<ComponentName, Component>> = {
  repository: {
    name: 'repository',
    label: 'tensorio-models-repository',
    grpcPort: 8080,
    restPort: 8081,
    healthPath: '/v1/repository/healthz',
    grpcPrefix: '/api.Repository/',
  },
  flea: {
    name: 'flea',
    label: 'tensorio-models-flea',
    grpcPort: 8082,
    restPort: 8083,
    healthPath: '/v1/flea/healthz',
    grpcPrefix: '/api.Flea/',
  },
};

/** What rendering depends on besides the values. */
export interface RenderContext {
  readonly release: string;
  readonly namespace: string;
  /** When each component was last restarted on request, as RFC 3339; it stays, or the next deploy would roll the pods back. */
  readonly restartedAt: Readonly<Partial<Record<ComponentName, string>>>;
}

/** `T` as JSON keeps it: a member that is `undefined` is not there at all. */
export type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { [K in keyof T]: Plain<Exclude<T[K], undefined>> }
    : T;

/** A copy of `value` without members that are `undefined`; nothing is shared with it. */
export function plain<T>(value: T): Plain<T> {
  return JSON.parse(JSON.stringify(value));
}
