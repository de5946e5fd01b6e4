import type { Issue } from '../errors.ts';
import { MANAGED_BY } from '../jobs/manifest.ts';
import type { Component } from './manifests/component.ts';

/** The services that a release can contain. */
export type ComponentName = 'repository' | 'flea';

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names: Services must begin with a letter.
const RFC_1035_LABEL = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
const MAX_LABEL = 63;
const CHART = 'tensorio-models';

/** What the names of a release's objects are made of. */
export interface Naming {
  readonly release: string;
  readonly nameOverride?: string | undefined;
  readonly fullnameOverride?: string | undefined;
}

/** The chart's full name of a release: the release name if it contains the chart's, else `<release>-tensorio-models`. */
export function fullName(naming: Naming): string {
  return cut(uncutName(naming));
}

function uncutName({ release, nameOverride = CHART, fullnameOverride }: Naming): string {
  return fullnameOverride ?? (release.includes(nameOverride) ? release : `${release}-${nameOverride}`);
}

/** As the chart's helpers: `trunc 63 | trimSuffix "-"`. */
function cut(name: string): string {
  return name.slice(0, MAX_LABEL).replace(/-$/, '');
}

/** `R-repository`. It is also a label in the immutable selector, so it must never change. */
export function deploymentName(release: string, component: ComponentName): string {
  return `${release}-${component}`;
}

/** `F-repository`, with the full name F. */
export function serviceName(naming: Naming, component: ComponentName): string {
  return `${fullName(naming)}-${component}`;
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
export function releaseNameProblem(naming: Naming, components: readonly ComponentName[]): string | null {
  const { release, fullnameOverride } = naming;
  if (!RFC_1035_LABEL.test(release) || release.length > MAX_LABEL - 'tio-'.length) {
    return 'must be 1 to 59 lower-case letters, digits or "-", beginning with a letter and not ending with "-"';
  }
  for (const component of components) {
    const service = `${uncutName(naming)}-${component}`;
    const isService = fullnameOverride === undefined && service.length > deploymentName(release, component).length;
    const longest = isService ? service : deploymentName(release, component);
    const most = MAX_LABEL - (longest.length - release.length);
    if (release.length > most) {
      return `has ${release.length} characters and may have at most ${most}: its ${isService ? 'Service' : 'Deployment'} would be called "${longest}", and Kubernetes allows 63`;
    }
  }
  return null;
}

/** The problems with the overrides of the chart's name, by field. The release name is checked by `releaseNameProblem`. */
export function overrideIssues(naming: Naming, components: readonly ComponentName[]): Issue[] {
  return (['nameOverride', 'fullnameOverride'] as const).flatMap((field) => {
    const name = naming[field];
    const long = components.find((component) => `${name ?? ''}-${component}`.length > MAX_LABEL);
    if (name === undefined || long === undefined) return [];
    return [
      { path: field, message: `has ${name.length} characters and may have at most ${MAX_LABEL - long.length - 1}` },
    ];
  });
}

/** Set on every object of a release. An object without it, or with another value, is never pruned. */
export const RELEASE_LABEL = 'tensorio-trigger/release';

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

/** The chart's selector. A Deployment's selector is immutable. */
export function selectorOf({ name }: Component, naming: Naming): Record<string, string> {
  return {
    'app.kubernetes.io/name': `${cut(naming.nameOverride ?? CHART)}-${name}`,
    'app.kubernetes.io/instance': deploymentName(naming.release, name),
  };
}

export function labelsOf(component: Component, naming: Naming): Record<string, string> {
  return {
    ...selectorOf(component, naming),
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [RELEASE_LABEL]: naming.release,
  };
}
