import { MANAGED_BY } from '../jobs/manifest.ts';
import type { Component } from './manifests/component.ts';

/** The services that a release can contain. */
export type ComponentName = 'repository' | 'flea';

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names: Services must begin with a letter.
const RFC_1035_LABEL = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
const MAX_LABEL = 63;
const CHART = 'tensorio-models';

/** The chart's full name of a release: the release name if it contains the chart's, else `<release>-tensorio-models`. */
export function fullName(release: string): string {
  const full = release.includes(CHART) ? release : `${release}-${CHART}`;
  return full.slice(0, MAX_LABEL).replace(/-+$/, '');
}

/** `R-repository`. It is also a label in the immutable selector, so it must never change. */
export function deploymentName(release: string, component: ComponentName): string {
  return `${release}-${component}`;
}

/** `F-repository`, with the full name F. */
export function serviceName(release: string, component: ComponentName): string {
  return `${fullName(release)}-${component}`;
}

/** The name of a release's Lease and of the ConfigMap that holds its pointer. */
export function stateName(release: string): string {
  return `tio-${release}`;
}

export function revisionName(release: string, revision: number): string {
  return `tio-${release}.v${revision}`;
}

/**
 * The problem with a release name, as text that follows the name, or `null`. The chart cuts names at 63 characters and
 * then appends the component, which yields Service names that Kubernetes refuses.
 */
export function releaseNameProblem(release: string, components: readonly ComponentName[]): string | null {
  if (!RFC_1035_LABEL.test(release) || release.length > MAX_LABEL - 'tio-'.length) {
    return 'must be 1 to 59 lower-case letters, digits or "-", beginning with a letter and not ending with "-"';
  }
  for (const component of components) {
    const most = maxLength(release, component);
    if (release.length > most) {
      return `has ${release.length} characters and may have at most ${most}: its Service would be called "${release.includes(CHART) ? release : `${release}-${CHART}`}-${component}", and Kubernetes allows 63`;
    }
  }
  return null;
}

function maxLength(release: string, component: ComponentName): number {
  return MAX_LABEL - `${release.includes(CHART) ? '' : `-${CHART}`}-${component}`.length;
}

/** Set on every object of a release. An object without it, or with another value, is never pruned. */
export const RELEASE_LABEL = 'tensorio-trigger/release';

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

/** The chart's selector. A Deployment's selector is immutable. */
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
