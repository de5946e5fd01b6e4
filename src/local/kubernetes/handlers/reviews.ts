import { decodeObject } from '../decode/decode.ts';
import type { Expected } from '../decode/decode.ts';
import { document } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery } from '../http/request.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Fields } from '../json.ts';
import { methodNotAllowed } from '../status.ts';

export interface Review extends Expected {
  readonly plural: string;
  readonly singular: string;
  /** What the review finds. There is no authorisation here: whoever gets in may do everything. */
  readonly status: () => Fields;
}

/** Questions about oneself, answered on POST and stored nowhere. */
export const reviews: readonly Review[] = [
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    singular: 'selfsubjectreview',
    struct: 'authentication.SelfSubjectReview',
    status: () => ({
      userInfo: { username: 'admin', uid: 'admin-uid', groups: ['system:masters', 'system:authenticated'] },
    }),
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    singular: 'selfsubjectaccessreview',
    struct: 'authorization.SelfSubjectAccessReview',
    status: () => ({ allowed: true }),
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    singular: 'selfsubjectrulesreview',
    struct: 'authorization.SelfSubjectRulesReview',
    status: () => ({
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    }),
  },
];

export const findReview = (group: string, version: string, plural: string): Review | undefined =>
  reviews.find((each) => each.group === group && each.version === version && each.plural === plural);

export const handleReview = (review: Review, request: ApiRequest): Answer => {
  if (request.method !== 'POST') throw methodNotAllowed();
  checkQuery(request, 'create', ['dryRun', 'fieldManager', 'fieldValidation']);
  const { draft, warnings } = decodeObject(request, review);
  return document(201, { ...draft, status: review.status() }, warnings);
};
