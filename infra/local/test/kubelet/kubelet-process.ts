/** A kubelet in a process of its own, to be killed. Options as JSON in the first argument; tells its parent when it is ready. */
import { startKubelet } from '../../kubelet.ts';
import type { KubeletOptions } from '../../kubelet.ts';

const options = JSON.parse(process.argv[2] ?? '') as KubeletOptions;
await startKubelet(options);
process.send?.('ready');
