import { z } from 'zod';
import { line, textField, wholeNumber } from './fields.ts';

const MAX_ID = 2_147_483_647;
const id = wholeNumber(0, MAX_ID).optional();
function word(what: string) {
  return textField(line(what, 255)).optional();
}

const profile = z
  .strictObject({
    type: z.enum(['RuntimeDefault', 'Localhost', 'Unconfined']),
    localhostProfile: word('the path of a profile'),
  })
  .optional();
const seLinuxOptions = z
  .strictObject({ level: word('a level'), role: word('a role'), type: word('a type'), user: word('a user') })
  .optional();

const runAs = { runAsUser: id, runAsGroup: id, runAsNonRoot: z.boolean().optional() };

/** V1PodSecurityContext, without what only Windows nodes have. */
export const PodSecurityContextSchema = z.strictObject({
  ...runAs,
  fsGroup: id,
  fsGroupChangePolicy: z.enum(['OnRootMismatch', 'Always']).optional(),
  supplementalGroups: z.array(wholeNumber(0, MAX_ID)).optional(),
  supplementalGroupsPolicy: z.enum(['Merge', 'Strict']).optional(),
  seccompProfile: profile,
  appArmorProfile: profile,
  seLinuxOptions,
});

/** V1SecurityContext of a container. What would give it the node is refused: no aggregation and no service needs that. */
export const SecurityContextSchema = z.strictObject({
  ...runAs,
  allowPrivilegeEscalation: z.boolean().optional(),
  privileged: z.literal(false, { error: 'can only be false: a privileged container owns its node' }).optional(),
  readOnlyRootFilesystem: z.boolean().optional(),
  capabilities: z
    .strictObject({
      drop: z.array(textField(line('the name of a capability', 64))).optional(),
      // The only one that the Pod Security Standard `restricted` lets a container add.
      add: z.array(z.literal('NET_BIND_SERVICE', { error: 'can only hold NET_BIND_SERVICE' })).optional(),
    })
    .optional(),
  seccompProfile: profile,
  appArmorProfile: profile,
  seLinuxOptions,
});
