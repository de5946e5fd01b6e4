import { decodeObject } from '../decode/decode.ts';
import type { Expected } from '../decode/decode.ts';
import { document } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery } from '../http/request.ts';
import type { ApiRequest } from '../http/request.ts';
import { fieldsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { formatTime } from '../schema/time.ts';
import { badRequest, invalid, methodNotAllowed } from '../status.ts';
import type { Draft } from '../types.ts';
import { invalidValue } from '../validation/faults.ts';

export interface Review extends Expected {
  readonly plural: string;
  /** Its answer says when it was given. */
  readonly isDated?: true;
  readonly singular: string;
  /** Its answer repeats nothing of what was asked. */
  readonly isQuestionLeftOut?: true;
  /** What the review finds. There is no authorisation here: whoever gets in may do everything. */
  readonly status: () => Fields;
  /** Throws when the question is none. */
  readonly check?: (draft: Draft) => void;
}

const HEALTH = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

/** What a real API server lists for its admin: the roles of everybody (basic-user, discovery, public-info-viewer), and cluster-admin. */
const RULES_OF_ADMIN: Fields = {
  resourceRules: [
    {
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    },
    { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  ],
  nonResourceRules: [
    {
      verbs: ['get'],
      nonResourceURLs: [
        '/api',
        '/api/*',
        '/apis',
        '/apis/*',
        '/healthz',
        '/livez',
        '/openapi',
        '/openapi/*',
        '/readyz',
        '/version',
        '/version/',
      ],
    },
    { verbs: ['get'], nonResourceURLs: HEALTH },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ],
};

/** Questions about oneself, answered on POST and stored nowhere. */
export const reviews: readonly Review[] = [
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectReview',
    isDated: true,
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
    check: (draft) => {
      const { resourceAttributes, nonResourceAttributes } = fieldsAt(draft, 'spec');
      if ((resourceAttributes === undefined) !== (nonResourceAttributes === undefined)) return;
      const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
      throw invalid('', 'authorization.k8s.io', '', [
        invalidValue('spec.resourceAttributes', resourceAttributes, detail),
      ]);
    },
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    singular: 'selfsubjectrulesreview',
    struct: 'authorization.SelfSubjectRulesReview',
    isQuestionLeftOut: true,
    status: () => ({ ...RULES_OF_ADMIN, incomplete: false }),
    check: (draft) => {
      if (stringAt(draft, 'spec', 'namespace') === '') throw badRequest('no namespace on request');
    },
  },
];

export function findReview(group: string, version: string, plural: string): Review | undefined {
  return reviews.find((each) => each.group === group && each.version === version && each.plural === plural);
}

export function handleReview(review: Review, request: ApiRequest): Answer {
  if (request.method !== 'POST') throw methodNotAllowed();
  checkQuery(request, 'create', ['dryRun', 'fieldManager', 'fieldValidation']);
  const { draft, warnings } = decodeObject(request, review);
  review.check?.(draft);
  const metadata = { ...draft.metadata, ...(review.isDated === true && { creationTimestamp: formatTime(new Date()) }) };
  const spec = review.isQuestionLeftOut === true ? { spec: {} } : {};
  return document(201, { ...draft, metadata, ...spec, status: review.status() }, warnings);
}
