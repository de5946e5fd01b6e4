import { useEmbedded } from './embedded.ts';
import { podSuite } from './suite-pods.ts';

const embedded = useEmbedded();

podSuite('releases whose pods run, on the embedded API', () => ({ kubeconfig: embedded().kubeconfig }));
