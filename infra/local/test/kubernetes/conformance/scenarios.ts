import { garbageCollectionScenario } from './scenarios/garbage-collection.ts';
import { jobSpecScenario } from './scenarios/job-spec.ts';
import { leasesScenario } from './scenarios/leases.ts';
import { listsScenario } from './scenarios/lists.ts';
import { metadataScenario } from './scenarios/metadata.ts';
import { namespacesScenario } from './scenarios/namespaces.ts';
import { objectsScenario } from './scenarios/objects.ts';
import { patchesScenario } from './scenarios/patches.ts';
import { podSpecScenario } from './scenarios/pod-spec.ts';
import { podUpdatesScenario } from './scenarios/pod-updates.ts';
import { secretsScenario } from './scenarios/secrets.ts';
import { serverSideApplyScenario } from './scenarios/server-side-apply.ts';
import { servicesScenario } from './scenarios/services.ts';
import { jobRunsScenario } from './scenarios/job-runs.ts';
import { workloadsScenario } from './scenarios/workloads.ts';
import type { Scenario } from './step.ts';

export const scenarios: readonly Scenario[] = [
  garbageCollectionScenario,
  jobSpecScenario,
  jobRunsScenario,
  leasesScenario,
  listsScenario,
  metadataScenario,
  namespacesScenario,
  objectsScenario,
  patchesScenario,
  podSpecScenario,
  podUpdatesScenario,
  secretsScenario,
  serverSideApplyScenario,
  servicesScenario,
  workloadsScenario,
];
