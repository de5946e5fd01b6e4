import { MANAGED_BY } from '../jobs/manifest.ts';
import type { Component } from './manifests/component.ts';

/** The services that a release can hold. */
export type ComponentName = 'repository' | 'flea';

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names: Services must begin with a letter.
const RFC_1035_LABEL = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
const MAX_LABEL = 63;
const CHART = 'tensorio-models';

/** The chart's full name of a release: the release itself if it names the chart, else `<release>-tensorio-models`. */
export function fullName(release: string): string {
  const full = release.includes(CHART) ? release : `${release}-${CHART}`;
  return full.slice(0, MAX_LABEL).replace(/-+$/, '');
}

/** `R-repository`: also the label by which the component's pods are selected, so it must never change. */
export function deploymentName(release: string, component: ComponentName): string {
  return `${release}-${component}`;
}

/** `F-repository`. */
export function serviceName(release: string, component: ComponentName): string {
  return `${fullName(release)}-${component}`;
}

/** The Lease of a release, and the ConfigMap that points to its revisions. */
export function stateName(release: string): string {
  return `tio-${release}`;
}

export function revisionName(release: string, revision: number): string {
  return `tio-${release}.v${revision}`;
}

/**
 * Why `release` cannot be the name of a release of `components`, in words that follow the name; `null` when it can.
 * The chart cuts names at 63 and then appends the component, which makes Services that Kubernetes refuses.
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
