type Labels = Readonly<Record<string, string>>;

const SET = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/;
const EQUALITY = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/;
const EXISTS = /^(!?)\s*([A-Za-z0-9][\w./-]*)$/;

const matchesOne = (requirement: string, labels: Labels): boolean => {
  const set = SET.exec(requirement);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    const value = labels[set[1] ?? ''];
    return set[2] === 'in'
      ? value !== undefined && values.includes(value)
      : value === undefined || !values.includes(value);
  }
  const equality = EQUALITY.exec(requirement);
  if (equality !== null) return (labels[equality[1] ?? ''] === equality[3]) === (equality[2] !== '!=');
  const exists = EXISTS.exec(requirement);
  if (exists !== null) return (labels[exists[2] ?? ''] !== undefined) === (exists[1] === '');
  throw new Error(`not a label selector: "${requirement}"`);
};

/** Whether `labels` meet a Kubernetes label selector (equality, set and existence requirements, joined by commas). */
export const matchesSelector = (selector: string, labels: Labels = {}): boolean =>
  selector
    .split(/,(?![^(]*\))/)
    .map((requirement) => requirement.trim())
    .filter((requirement) => requirement !== '')
    .every((requirement) => matchesOne(requirement, labels));
