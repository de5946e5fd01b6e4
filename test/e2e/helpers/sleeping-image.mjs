// Stands in for an image whose first container never ends by itself; once `marker` is there, the next ones end at once.
// Without a marker, none ever ends.
import { existsSync, writeFileSync } from 'node:fs';

const [, , marker] = process.argv;
process.stdout.write('running\n');
if (marker !== undefined && existsSync(marker)) process.exit(0);
if (marker !== undefined) writeFileSync(marker, '');
setInterval(() => {}, 1_000_000);
