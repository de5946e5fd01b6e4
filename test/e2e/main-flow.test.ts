import { describeOnApiServers } from './helpers/api-servers.ts';
import { describeMainFlow } from './helpers/suite-main-flow.ts';

describeOnApiServers(describeMainFlow);
