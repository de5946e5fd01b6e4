import type { V1Service } from '@kubernetes/client-node';
import type { RepositoryValues } from '../../values/service-schema.ts';
import { serviceName } from '../names.ts';
import type { Component, RenderContext } from './component.ts';
import { labelsOf, selectorOf } from './labels.ts';
import type { Plain } from './plain.ts';
import { ambassadorAnnotation, routingOf } from './routing.ts';

/** The values' `service` of either component. */
export type ServiceValues = Plain<NonNullable<RepositoryValues['service']>>;

/** The complete Service `F-<component>`. */
export function buildService(component: Component, service: ServiceValues, context: RenderContext): V1Service {
  const { release, namespace } = context;
  const annotations = ambassadorAnnotation(component, service, context);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: serviceName(release, component.name),
      namespace,
      labels: labelsOf(component, release),
      ...(annotations !== undefined && { annotations }),
    },
    spec: {
      ...(service.type !== undefined && { type: service.type }),
      selector: selectorOf(component, release),
      ports: [
        { name: 'rest', port: service.restPort ?? component.restPort, targetPort: 'rest', protocol: 'TCP' },
        {
          name: 'grpc',
          port: service.grpcPort ?? component.grpcPort,
          targetPort: 'grpc',
          protocol: 'TCP',
          // A Gateway speaks HTTP/2 to the pods only where this says so.
          ...(routingOf(service) === 'gateway' && { appProtocol: 'kubernetes.io/h2c' }),
        },
      ],
    },
  };
}
