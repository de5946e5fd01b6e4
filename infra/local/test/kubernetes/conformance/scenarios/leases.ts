import { merge, paths, post, put } from '../step.ts';
import type { Scenario } from '../step.ts';

const { leases } = paths;

/** Leases: times with microseconds, updates that must name a version. */
export const leasesScenario: Scenario = {
  name: 'leases',
  steps: [
    post(leases, {
      metadata: { name: 'l' },
      spec: { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: '2026-11-22T10:51:42.873000Z' },
    }),
    put(`${leases}/l`, { metadata: { name: 'l' }, spec: {} }),
    put(`${leases}/new`, { metadata: { name: 'new' }, spec: {} }),
    put(`${leases}/new2`, { spec: {} }),
    post(`${leases}?dryRun=All`, { metadata: { name: 'm' }, spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } }),
    post(`${leases}?dryRun=All`, { metadata: { name: 'm' }, spec: { renewTime: '2026-11-22T10:51:42Z' } }),
    post(`${leases}?dryRun=All`, { metadata: { name: 'm' }, spec: { holderIdentity: '' } }),
    merge(
      `${leases}/l`,
      { spec: { renewTime: '2020-01-01T00:00:00Z' } },
      { differs: 'the patched object is shown with its fields in another order' },
    ),
  ],
};
