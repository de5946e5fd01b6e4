import type { V1Service, V1ServiceSpec } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import type { KubeObject } from '../../cluster/release-port.ts';
import { mergeSpec } from '../../jobs/pod-overlay.ts';
import type { RepositoryValues } from '../../values/service-schema.ts';
import { labelsOf, selectorOf, serviceName } from '../names.ts';
import type { Component, Plain, RenderContext } from './component.ts';

/** The values' `service` of either component. */
export type ServiceValues = Plain<NonNullable<RepositoryValues['service']>>;

/** The complete Service `F-<component>`. */
export function buildService(component: Component, service: ServiceValues, context: RenderContext): V1Service {
  const { namespace } = context;
  const annotations = { ...service.annotations, ...ambassadorAnnotation(component, service, context) };
  const spec: V1ServiceSpec = {
    ...(service.type !== undefined && { type: service.type }),
    selector: selectorOf(component, context),
    ports: [
      { name: 'rest', port: service.restPort ?? component.restPort, targetPort: 'rest', protocol: 'TCP' },
      {
        name: 'grpc',
        port: service.grpcPort ?? component.grpcPort,
        targetPort: 'grpc',
        protocol: 'TCP',
        // A Gateway uses HTTP/2 to the pods only with this field.
        ...(routingOf(service) === 'gateway' && { appProtocol: 'kubernetes.io/h2c' }),
      },
    ],
  };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: serviceName(context, component.name),
      namespace,
      labels: labelsOf(component, context),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: mergeSpec(spec, service.spec ?? {}, { ports: 'port' }),
  };
}

export type Routing = 'none' | 'ambassador' | 'mapping' | 'gateway';

interface Route {
  readonly name: string;
  readonly prefix: string;
  readonly rewrite: string;
  readonly port: number;
  readonly grpc: boolean;
}

/** The kind of route. Without a host name there is none: it would match the requests of every host. */
export function routingOf(service: ServiceValues): Routing {
  return service.hostname === undefined ? 'none' : (service.routing ?? 'ambassador');
}

/** The annotation with Mappings for Ambassador 1.x, as the chart has it, with the gRPC Mapping corrected. */
export function ambassadorAnnotation(
  component: Component,
  service: ServiceValues,
  context: RenderContext,
): Record<string, string> | undefined {
  if (routingOf(service) !== 'ambassador') return undefined;
  const target = `${serviceName(context, component.name)}.${context.namespace}`;
  const documents = routesOf(component, service, context).map(({ name, prefix, rewrite, port, grpc }) => ({
    apiVersion: 'ambassador/v1',
    kind: 'Mapping',
    name,
    ...(grpc && { grpc: true }),
    host: service.hostname,
    prefix,
    rewrite,
    ...timeout(service),
    service: `${target}:${port}`,
  }));
  return { 'getambassador.io/config': documents.map((document) => `---\n${stringify(document)}`).join('') };
}

// gRPC paths are /<service>/<method>; they can neither have a prefix nor be rewritten.
function routesOf(component: Component, service: ServiceValues, context: RenderContext): Route[] {
  const name = serviceName(context, component.name);
  const rest = { prefix: '/rest/', rewrite: '/', port: service.restPort ?? component.restPort, grpc: false };
  const grpc = {
    prefix: component.grpcPrefix,
    rewrite: component.grpcPrefix,
    port: service.grpcPort ?? component.grpcPort,
    grpc: true,
  };
  return [
    { name: `${name}-rest`, ...rest },
    { name: `${name}-grpc`, ...grpc },
  ];
}

/** The route objects of a component; none for `none` and `ambassador`. */
export function buildRoutes(component: Component, service: ServiceValues, context: RenderContext): KubeObject[] {
  switch (routingOf(service)) {
    case 'mapping':
      return buildMappings(component, service, context);
    case 'gateway':
      return buildHttpRoute(component, service, context);
    case 'none':
    case 'ambassador':
      return [];
  }
}

function buildMappings(component: Component, service: ServiceValues, context: RenderContext): KubeObject[] {
  return routesOf(component, service, context).map(({ name, prefix, rewrite, port, grpc }) => ({
    apiVersion: 'getambassador.io/v3alpha1',
    kind: 'Mapping',
    metadata: metadataOf(name, component, context),
    spec: {
      hostname: service.hostname,
      prefix,
      rewrite,
      ...(grpc && { grpc: true }),
      ...timeout(service),
      service: `${serviceName(context, component.name)}.${context.namespace}:${port}`,
    },
  }));
}

function timeout({ timeoutMs }: ServiceValues) {
  return timeoutMs === undefined ? {} : { timeout_ms: timeoutMs };
}

function metadataOf(name: string, component: Component, context: RenderContext) {
  return { name, namespace: context.namespace, labels: labelsOf(component, context) };
}

function buildHttpRoute(component: Component, service: ServiceValues, context: RenderContext): KubeObject[] {
  const name = serviceName(context, component.name);
  const [rest, grpc] = routesOf(component, service, context);
  if (rest === undefined || grpc === undefined) return [];
  function prefix(value: string) {
    return { path: { type: 'PathPrefix', value: value.replace(/\/$/, '') } };
  }
  // A duration of the Gateway API: https://gateway-api.sigs.k8s.io/geps/gep-2257/
  const timeouts = service.timeoutMs === undefined ? {} : { timeouts: { request: durationOf(service.timeoutMs) } };
  return [
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: metadataOf(name, component, context),
      spec: {
        parentRefs: [{ ...service.gateway, group: 'gateway.networking.k8s.io', kind: 'Gateway' }],
        // Host names of the Gateway API have no port.
        hostnames: [(service.hostname ?? '').replace(/:\d+$/, '').toLowerCase()],
        rules: [
          { matches: [prefix(grpc.prefix)], backendRefs: backend(name, grpc.port), ...timeouts },
          {
            matches: [prefix(rest.prefix)],
            filters: [
              { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } } },
            ],
            backendRefs: backend(name, rest.port),
            ...timeouts,
          },
        ],
      },
    },
  ];
}

/** At most five digits per unit. */
function durationOf(ms: number): string {
  const [sec, rest] = [Math.floor(ms / 1_000), ms % 1_000];
  return `${sec > 0 ? `${sec}s` : ''}${rest > 0 ? `${rest}ms` : ''}`;
}

function backend(name: string, port: number): unknown[] {
  return [{ name, port, kind: 'Service' }];
}
