import { Fault, quote } from './fault.ts';
import { checkPath } from './paths.ts';

export interface Settings {
  readonly weighted: boolean;
  readonly listPath: string;
  readonly outputPath: string;
  /** Whether the environment is that of the later interface, with bundles and a model repository. */
  readonly later: boolean;
  readonly repository: string | undefined;
  readonly credentialsPath: string | undefined;
  /** URL of a server to use instead of Google's. */
  readonly endpoint: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const WEIGHTED_BY_TYPE: ReadonlyMap<string, boolean> = new Map([
  ['cma', false],
  ['wcma', true],
  ['CumulativeMovingAverage', false],
  ['WeightedCumulativeMovingAverage', true],
]);

const FIRST_INTERFACE = ['AGGREGATION_TYPE', 'AGGREGATION_CKPTS_FILELIST', 'AGGREGATION_OUTPUT_PATH'] as const;

const LATER_INTERFACE = [
  'AGGREGATION_RESOURCE_PATH',
  'AGGREGATION_OUTPUT_RESOURCE_PATH',
  'REPOSITORY',
  'TENSORIO_MODELS_TOKEN',
  'REPOSITORY_API_KEY',
  'AGGREGATION_EXPORT_TYPE',
] as const;

/** Reads the environment; an empty variable counts as absent. Throws one Fault with all problems, without the value of any token. */
export function parseSettings(environment: Environment): Settings {
  function get(name: string): string | undefined {
    return environment[name] === '' ? undefined : environment[name];
  }
  const later = LATER_INTERFACE.some((name) => get(name) !== undefined);
  const required = later ? [...FIRST_INTERFACE, ...LATER_INTERFACE] : FIRST_INTERFACE;
  const [type = '', listPath = '', outputPath = ''] = FIRST_INTERFACE.map(get);
  const endpoint = get('STORAGE_API_ENDPOINT');
  const problems = [
    ...required.filter((name) => get(name) === undefined).map((name) => `${name} is not set`),
    ...typeProblem(get('AGGREGATION_TYPE')),
    ...exportProblem(get('AGGREGATION_EXPORT_TYPE')),
    ...pathProblem('AGGREGATION_CKPTS_FILELIST', get('AGGREGATION_CKPTS_FILELIST')),
    ...pathProblem('AGGREGATION_OUTPUT_PATH', get('AGGREGATION_OUTPUT_PATH')),
    ...endpointProblem(endpoint),
  ];
  if (problems.length > 0) throw new Fault(problems.join('; '));
  return {
    weighted: WEIGHTED_BY_TYPE.get(type) ?? false,
    listPath,
    outputPath,
    later,
    repository: get('REPOSITORY'),
    credentialsPath: get('GOOGLE_APPLICATION_CREDENTIALS'),
    endpoint,
  };
}

function typeProblem(type: string | undefined): string[] {
  return type === undefined || WEIGHTED_BY_TYPE.has(type)
    ? []
    : [`AGGREGATION_TYPE is ${quote(type)}, it must be one of ${[...WEIGHTED_BY_TYPE.keys()].join(', ')}`];
}

function exportProblem(exportType: string | undefined): string[] {
  if (exportType === undefined || exportType === 'checkpoint') return [];
  if (exportType !== 'saved_model' && exportType !== 'bundle') {
    return [`AGGREGATION_EXPORT_TYPE is ${quote(exportType)}, it must be checkpoint, saved_model or bundle`];
  }
  return [
    `AGGREGATION_EXPORT_TYPE is ${exportType}, which needs TensorFlow and the model: the reference aggregator exports checkpoint only`,
  ];
}

function pathProblem(name: string, path: string | undefined): string[] {
  if (path === undefined) return [];
  try {
    checkPath(path);
    return [];
  } catch (error) {
    return [`${name} is ${quote(path)}: ${error instanceof Fault ? error.message : String(error)}`];
  }
}

function endpointProblem(endpoint: string | undefined): string[] {
  if (endpoint === undefined || /^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) return [];
  return [`STORAGE_API_ENDPOINT is ${quote(endpoint)}, it must be an http or https URL`];
}
