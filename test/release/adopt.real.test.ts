import { describe, expect, onTestFinished, test } from 'vitest';
import { describeReal } from '../real/describe-real.ts';
import { createApiReleaseWorld } from './api-world.ts';
import { HELM, helmCommand, helmInstall, putHelmObjects } from './helm.ts';
import { recordsOf } from './invariants.ts';
import { adoptionSuite, unmanagedAdoptionSuite } from './suite-adopt.ts';
import { callDeploy, callUninstall, createDeps, tagged } from './world.ts';

describeReal('a release of helm on a real API server', (real) => {
  adoptionSuite(
    'written with its field manager',
    () => createApiReleaseWorld(real().access),
    (world) => putHelmObjects(world, 'demo'),
  );

  unmanagedAdoptionSuite(() => createApiReleaseWorld(real().access));

  describe.skipIf(HELM === null)(
    `by helm itself${HELM === null ? ' (skipped: there is no helm; set HELM)' : ''}`,
    () => {
      adoptionSuite(
        'installed',
        () => createApiReleaseWorld(real().access),
        (world) => helmInstall('demo', world.namespace, real().kubeconfig),
      );

      test('takes over what DELETE ?keep=true left, by the command in the notes', { timeout: 120_000 }, async () => {
        const world = await createApiReleaseWorld(real().access);
        onTestFinished(() => world.close());
        await callDeploy(world, { over: tagged('ok') });
        const before = (await recordsOf(world)).workloads.map(({ metadata }) => metadata.uid);
        const { notes } = await callUninstall(world, createDeps(world), 'demo', { keep: true });
        await helmCommand(notes.join(' '), real().kubeconfig);
        const { workloads } = await recordsOf(world);
        expect(workloads.map(({ metadata }) => metadata.uid)).toEqual(before);
        const text = JSON.stringify(workloads);
        expect(text).toContain('ok-helm');
        for (const ours of ['tensorio-trigger', 'seccompProfile', 'models.example.com\\nprefix: /api.Repository'])
          expect(text).not.toContain(ours);
      });
    },
  );
});
