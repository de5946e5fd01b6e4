import { fieldsAt, isFields, objectsAt, setDefault } from '../json.ts';
import type { Fields } from '../json.ts';

/** 0644, in decimal as JSON has it. */
const defaultMode = 420;

/** Defaults of one entry of `spec.volumes`. A volume without a source is an emptyDir. */
export function applyVolumeDefaults(volume: Fields): void {
  if (!Object.keys(volume).some((key) => key !== 'name')) volume['emptyDir'] = {};
  for (const source of ['secret', 'configMap', 'projected', 'downwardAPI']) {
    const fields = volume[source];
    if (isFields(fields)) setDefault(fields, 'defaultMode', defaultMode);
  }
  if (isFields(volume['hostPath'])) setDefault(volume['hostPath'], 'type', '');
  applyItemDefaults(fieldsAt(volume, 'downwardAPI'));
  for (const source of objectsAt(volume, 'projected', 'sources')) {
    applyItemDefaults(fieldsAt(source, 'downwardAPI'));
    const token = source['serviceAccountToken'];
    if (isFields(token)) setDefault(token, 'expirationSeconds', 3600);
  }
}

function applyItemDefaults(downward: Fields): void {
  for (const item of objectsAt(downward, 'items')) {
    const fieldRef = item['fieldRef'];
    if (isFields(fieldRef)) setDefault(fieldRef, 'apiVersion', 'v1');
  }
}
