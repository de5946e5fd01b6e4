import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import { putHelmObjects } from './helm.ts';
import { expectConsistent, recordsOf, specsOf } from './invariants.ts';
import { createKiller, Killed, killPoints } from './killer.ts';
import { refusal } from './suite.ts';
import type { ReleaseWorld } from './world.ts';
import { callDeploy, callUninstall, createDeps, tagged } from './world.ts';

const ADOPT = { over: tagged('ok'), adopt: true } as const;

/** What stands in the chart's objects, and not in ours. */
const CHARTS_ALONE = [
  'helm.sh',
  'DROPPED',
  'checksum/config',
  'ok-helm',
  'ClientIP"',
  '"timeoutSeconds":7',
  '"Default"',
];

/** An object as a client would create it. */
const bare = ({ apiVersion, kind, metadata, ...rest }: KubeObject): KubeObject => {
  const { name, namespace = '', labels = {} } = metadata;
  const { status: _status, ...fields } = rest;
  const spec = Object.entries(rest['spec'] ?? {}).filter(([field]) => !field.startsWith('clusterIP'));
  return { apiVersion, kind, metadata: { name, namespace, labels }, ...fields, spec: Object.fromEntries(spec) };
};

const uidsOf = (objects: readonly KubeObject[]): (string | undefined)[] =>
  objects.map(({ metadata }) => metadata.uid).toSorted((a = '', b = '') => (a < b ? -1 : 1));

/** What becomes of a release that helm made; `install` makes it in the world given. */
export const adoptionSuite = (
  name: string,
  setup: () => Promise<ReleaseWorld>,
  install: (world: ReleaseWorld) => Promise<void>,
  noWalks = '',
): void => {
  describe(`${name}`, { timeout: 60_000 }, () => {
    let world: ReleaseWorld;
    const start = async (): Promise<void> => {
      world = await setup();
      await install(world);
      // The controllers have made its pods before anything else happens.
      await world.wait(2_000);
    };
    beforeEach(start, 60_000);
    afterEach(async () => world?.close(), 30_000);

    test('it is left alone without adopt, and the answer says the owner of an object', async () => {
      const before = await recordsOf(world);
      const foreign = await refusal(callDeploy(world, { over: tagged('ok') }));
      expect(foreign).toMatchObject({ status: 409, code: 'owned-by-other' });
      expect(foreign.message).toMatch(
        /Deployment demo-repository belongs to helm's release "demo"; take it over with \?adopt=true/,
      );
      expect(specsOf(await recordsOf(world))).toEqual(specsOf(before));
    });

    test('it is adopted in place: the same objects, no field left of what the chart alone set', async () => {
      const before = await recordsOf(world);
      const dry = await callDeploy(world, { ...ADOPT, dryRun: 'server' });
      const answer = await callDeploy(world, ADOPT);
      expect(answer).toMatchObject({ outcome: 'deployed', revision: 2 });
      expect(answer.notes.join('\n')).toContain(
        `kubectl delete secret --namespace ${world.namespace} --selector owner=helm,name=demo`,
      );
      // The dry run of the API server does not show the removed fields; notes and the final diff do.
      const notes = dry.notes.join('\n');
      for (const field of ['metadata.labels.helm.sh/chart', 'spec.template.spec.dnsPolicy'])
        expect(notes).toContain(field);
      expect(answer.notes.join('\n')).toContain(
        'Deployment demo-repository: fields that only helm or kubectl set are removed',
      );
      const removed = answer.diff.flatMap(({ changes }) => changes).filter((change) => change.after === undefined);
      expect(removed.map(({ path }) => path).join('\n')).toContain('helm.sh/chart');
      const after = await expectConsistent(world);
      expect(uidsOf(after.workloads)).toEqual(uidsOf(before.workloads));
      const text = JSON.stringify(after.workloads);
      for (const field of CHARTS_ALONE) expect(text).not.toContain(field);
      const deployment = after.workloads.find(({ kind }) => kind === 'Deployment');
      const managers = (deployment?.metadata.managedFields ?? []).map(({ manager }) => manager);
      expect(managers).not.toContain('helm');
      expect(after.revisions.map(({ status, description }) => [status, description])).toEqual([
        ['superseded', 'as found, before it was adopted'],
        ['deployed', 'deploy'],
      ]);
      expect(await callDeploy(world, ADOPT)).toMatchObject({ outcome: 'unchanged' });
      expect(await callDeploy(world, { over: tagged('ok-next') })).toMatchObject({ outcome: 'deployed', revision: 3 });
    });

    test('an adoption that fails brings back what helm had made', async () => {
      const failed = await refusal(callDeploy(world, { ...ADOPT, over: tagged('bad-name') }));
      expect(failed).toMatchObject({ code: 'rolled-back', details: { rollback: { to: 1 } } });
      const { workloads } = await expectConsistent(world);
      const text = JSON.stringify(workloads);
      for (const kept of ['DROPPED', 'checksum/config', 'ok-helm', 'meta.helm.sh/release-name'])
        expect(text).toContain(kept);
      expect(await callDeploy(world, ADOPT)).toMatchObject({ outcome: 'deployed' });
      await expectConsistent(world);
    });

    test('objects whose records were lost are adopted again, and the former objects are the target of the rollback', async () => {
      await callDeploy(world, ADOPT);
      await callUninstall(world, createDeps(world), 'demo', { keep: true });
      const { workloads } = await recordsOf(world);
      for (const object of workloads) {
        const labels = { ...object.metadata.labels, 'tensorio-trigger/release': 'demo' };
        await world.put({ ...bare(object), metadata: { ...bare(object).metadata, labels } }, 'kubectl-create');
      }
      const foreign = await refusal(callDeploy(world, { over: tagged('ok') }));
      expect(foreign.message).toContain('has no record of it; take it over with ?adopt=true');
      const failed = await refusal(callDeploy(world, { ...ADOPT, over: tagged('bad-name') }));
      expect(failed).toMatchObject({ code: 'rolled-back', details: { rollback: { to: 1 } } });
      const answer = await callDeploy(world, { ...ADOPT, over: tagged('ok-2') });
      expect(answer).toMatchObject({ outcome: 'deployed' });
      await expectConsistent(world);
    });

    test('given up, the objects stay with their uids and without a trace of the release, and are adopted again', async () => {
      await callDeploy(world, ADOPT);
      const before = await recordsOf(world);
      const answer = await callUninstall(world, createDeps(world), 'demo', { keep: true });
      expect(answer).toMatchObject({ outcome: 'forgotten', revision: null });
      expect(answer.objects).toContainEqual({ kind: 'Deployment', name: 'demo-repository', action: 'kept' });
      expect(answer.notes.join()).toContain(
        `helm upgrade --install demo CHART --namespace ${world.namespace} --values VALUES.yaml --take-ownership`,
      );
      const after = await recordsOf(world);
      expect(uidsOf(after.workloads)).toEqual(uidsOf(before.workloads));
      expect([after.pointer, after.revisions, after.leases]).toEqual([undefined, [], []]);
      for (const { metadata } of after.workloads) {
        expect(JSON.stringify(metadata.labels)).not.toContain('tensorio-trigger');
        const managers = (metadata.managedFields ?? []).map(({ manager }) => manager);
        expect(managers).not.toContain('tensorio-trigger');
      }
      expect(await refusal(callDeploy(world, { over: tagged('ok') }))).toMatchObject({ code: 'owned-by-other' });
      expect(await callDeploy(world, ADOPT)).toMatchObject({ outcome: 'deployed', revision: 2 });
      await expectConsistent(world);
    });

    test('one can go back to what helm had made, as a revision', async () => {
      await callDeploy(world, ADOPT);
      expect(await callDeploy(world, { revision: 1 })).toMatchObject({ outcome: 'deployed', revision: 3 });
      expect(JSON.stringify((await expectConsistent(world)).workloads)).toContain('ok-helm');
    });

    test.skipIf(noWalks !== '')(
      `killed at any write, an adoption is resumed by the same call${noWalks}`,
      { timeout: 600_000 },
      async () => {
        const clean = createKiller(world.cluster);
        await callDeploy(world, ADOPT, createDeps(world, clean.cluster));
        const wanted = specsOf(await expectConsistent(world));
        for (const [at, when] of killPoints(clean.writes())) {
          await world.close();
          await start();
          const { cluster } = createKiller(world.cluster, at, when);
          await expect(callDeploy(world, ADOPT, createDeps(world, cluster)), `write ${at}, ${when}`).rejects.toThrow(
            Killed,
          );
          await world.passLease();
          await callDeploy(world, ADOPT);
          expect(specsOf(await expectConsistent(world)), `write ${at}, ${when}`).toEqual(wanted);
        }
      },
    );
  });
};

/** Of a release that helm made before API servers kept account of who sets what: its objects have no managedFields. */
export const unmanagedAdoptionSuite = (setup: () => Promise<ReleaseWorld>): void => {
  test('objects of which nobody knows who set what are adopted, no field left of what the chart alone set', async () => {
    const world = await setup();
    onTestFinished(() => world.close());
    await putHelmObjects(world, 'demo');
    for (const object of (await recordsOf(world)).workloads) {
      const { apiVersion, kind, metadata } = object;
      const ref = { apiVersion, kind, namespace: world.namespace, name: metadata.name };
      // Controllers write their status meanwhile.
      await expect
        .poll(async () => {
          const live = await world.cluster.getObject(ref);
          // As the API server wants it where the account is to be dropped: one entry, which is empty.
          return live === null ? 'conflict' : world.cluster.replaceManagedFields(live, [JSON.parse('{}')]);
        })
        .not.toBe('conflict');
    }
    expect(await callDeploy(world, ADOPT)).toMatchObject({ outcome: 'deployed', revision: 2 });
    const text = JSON.stringify((await expectConsistent(world)).workloads);
    for (const field of CHARTS_ALONE) expect(text).not.toContain(field);
  });
};
