/** The text of go.mod that builds one version of Kubernetes, and what is read from go.mod files. Pure. */

/** The programs, by the name their binary gets, and the package each is built from. */
export const PROGRAMS = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
} as const;

const ETCD_MODULE = 'go.etcd.io/etcd/server/v3';
const VERSION = /^v1\.(\d+)\.(\d+)$/;

/** Whether `version` is a release of Kubernetes 1, such as `v1.36.3`. */
export const isVersion = (version: string): boolean => VERSION.test(version);

/** `v1.36.3` in its parts; throws when `version` is not a release of Kubernetes 1. */
export const parseVersion = (version: string): { minor: string; patch: string } => {
  const [, minor, patch] = VERSION.exec(version) ?? [];
  if (minor === undefined || patch === undefined) throw new Error(`"${version}" is not a release of Kubernetes 1.`);
  return { minor, patch };
};

/** The version that `module` is required at in a go.mod text, or `null`. */
export const parseRequired = (goMod: string, module: string): string | null => {
  const line = goMod.split('\n').find((each) => each.replace(/^\s*(require\s+)?/, '').startsWith(`${module} v`));
  return (
    line
      ?.trim()
      .split(/\s+/)
      .find((word) => word.startsWith('v')) ?? null
  );
};

/** The least Go version that a go.mod text asks for, such as `1.26.0`. */
export const parseGoVersion = (goMod: string): string => {
  const version = /^go (\d+\.\d+(?:\.\d+)?)$/m.exec(goMod)?.[1];
  if (version === undefined) throw new Error('The go.mod file has no `go` line.');
  return version;
};

/** The modules that Kubernetes' own go.mod takes from its `./staging` folder. */
export const parseStaging = (kubernetesGoMod: string): string[] =>
  [...kubernetesGoMod.matchAll(/^\s*(k8s\.io\/[\w-]+) => \.\/staging\//gm)].map(([, module]) => module ?? '');

/** Whether everything in a go.mod text follows from its line `k8s.io/kubernetes`. */
export const isConsistent = (goMod: string): boolean => {
  const version = parseRequired(goMod, 'k8s.io/kubernetes');
  if (version === null) return false;
  const replaced = [...goMod.matchAll(/ => k8s\.io\/[\w-]+ (v\S+)$/gm)].map(([, each]) => each);
  return replaced.length > 0 && replaced.every((each) => each === stagingVersion(version));
};

/** The staging modules of Kubernetes v1.x.y are published as v0.x.y. */
const stagingVersion = (version: string): string => {
  const { minor, patch } = parseVersion(version);
  return `v0.${minor}.${patch}`;
};

/**
 * A go.mod that builds {@link PROGRAMS} at `version`, given the go.mod of that version of Kubernetes.
 *
 * Kubernetes replaces its staging modules by folders of its repository, and Go heeds `replace` lines of the main module
 * only: each must be replaced here by its published version. etcd is the one that version of Kubernetes is tested with.
 */
export const buildGoMod = (version: string, kubernetesGoMod: string): string => {
  const etcd = parseRequired(kubernetesGoMod, ETCD_MODULE);
  const staging = parseStaging(kubernetesGoMod);
  if (etcd === null || staging.length === 0) {
    throw new Error(`The go.mod file of Kubernetes ${version} names no etcd server or no staging modules.`);
  }
  const godebug = /^godebug default=\S+$/m.exec(kubernetesGoMod)?.[0];
  return [
    '// The real servers that tests run against: `npm run real:build`.',
    '// Another version: change the line `require k8s.io/kubernetes` and run it; it writes the rest, and go.sum.',
    'module tensorio-trigger/test/real',
    '',
    `go ${parseGoVersion(kubernetesGoMod)}`,
    ...(godebug === undefined ? [] : ['', godebug]),
    '',
    `require k8s.io/kubernetes ${version}`,
    '',
    'tool (',
    ...Object.values(PROGRAMS).map((each) => `\t${each}`),
    ')',
    '',
    `require ${ETCD_MODULE} ${etcd}`,
    '',
    'replace (',
    ...staging.map((each) => `\t${each} => ${each} ${stagingVersion(version)}`),
    ')',
    '',
  ].join('\n');
};
