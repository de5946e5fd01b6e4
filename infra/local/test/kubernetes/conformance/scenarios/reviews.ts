import { get, post } from '../step.ts';
import type { Scenario } from '../step.ts';

/** Questions about oneself. */
export const reviewsScenario: Scenario = {
  name: 'reviews',
  steps: [
    post(
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      { spec: { resourceAttributes: { namespace: 'default', verb: 'create', resource: 'jobs', group: 'batch' } } },
      { ignore: ['reason', 'managedFields'] },
    ),
    post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { spec: {} }),
    post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { ignore: ['userInfo'] }),
    post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { spec: {} }),
    // The order of rules is one of chance; the sessions of kubectl compare them.
    post(
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      { spec: { namespace: 'default' } },
      { ignore: ['Rules'] },
    ),
    get('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'),
    post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?fieldValidation=Strict', { spec: { foo: 1 } }),
  ],
};
