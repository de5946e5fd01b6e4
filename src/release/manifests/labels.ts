import { MANAGED_BY } from '../../jobs/manifest.ts';
import { deploymentName } from '../names.ts';
import type { Component } from './component.ts';

/** On every object of a release: what has another value, or none, is never pruned. */
export const RELEASE_LABEL = 'tensorio-trigger/release';

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

/** The chart's selector, which Kubernetes does not let anybody change. */
export function selectorOf(component: Component, release: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': component.label,
    'app.kubernetes.io/instance': deploymentName(release, component.name),
  };
}

export function labelsOf(component: Component, release: string): Record<string, string> {
  return {
    ...selectorOf(component, release),
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [RELEASE_LABEL]: release,
  };
}
