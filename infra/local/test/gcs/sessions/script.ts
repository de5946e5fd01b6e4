/** What each client does in a session; `fails` where it must say that something was refused. */
export interface Command {
  readonly args: readonly string[];
  readonly fails?: true;
}

/** Files of the folder in which the commands are run. */
export const FILES: Readonly<Record<string, string>> = {
  'f.txt': 'hello\n',
  'tree/x': 'x\n',
  'tree/a/y': 'y\n',
  'large.txt': 'large, as they go\n'.repeat(64),
};

/** From this size on, uploads are resumable. */
export const RESUMABLE_FROM = 1_000;

export const GCLOUD: readonly Command[] = [
  does('ls'),
  does('cp f.txt gs://bkt/d/f.txt'),
  fails('cp --if-generation-match=0 f.txt gs://bkt/d/f.txt'),
  does('cp -r tree gs://bkt/'),
  does('ls -r gs://bkt'),
  does('ls gs://bkt/d/'),
  does('cat gs://bkt/d/f.txt'),
  does('cp gs://bkt/d/f.txt down.txt'),
  does('objects describe gs://bkt/d/f.txt'),
  does('objects update gs://bkt/d/f.txt --custom-metadata=k=v'),
  does('cp large.txt gs://bkt/large.txt'),
  does('cp gs://bkt/large.txt down-large.txt'),
  does('mv gs://bkt/d/f.txt gs://bkt/d/g.txt'),
  does('cp gs://bkt/d/g.txt gs://bkt/d/h.txt'),
  does('rm gs://bkt/d/g.txt'),
  fails('cat gs://bkt/d/g.txt'),
  does('rm -r gs://bkt/tree'),
];

export const CURL: readonly Command[] = [
  curl('URL/storage/v1/b?project=p'),
  curl(
    '-X POST --data-binary @f.txt -H Content-Type:text/plain URL/upload/storage/v1/b/bkt/o?uploadType=media&name=d/f.txt',
  ),
  curlFails(
    '-X POST --data-binary @f.txt -H Content-Type:text/plain URL/upload/storage/v1/b/bkt/o?uploadType=media&name=d/f.txt&ifGenerationMatch=0',
  ),
  curl('URL/storage/v1/b/bkt/o/d%2Ff.txt'),
  curl('URL/storage/v1/b/bkt/o/d%2Ff.txt?alt=media'),
  curl('-r 1-3 URL/storage/v1/b/bkt/o/d%2Ff.txt?alt=media'),
  curl('URL/storage/v1/b/bkt/o?prefix=d/&delimiter=/&fields=items(name,size)'),
  curl('-X PATCH -d {"metadata":{"k":"v"}} -H Content-Type:application/json URL/storage/v1/b/bkt/o/d%2Ff.txt'),
  curl('-X DELETE URL/storage/v1/b/bkt/o/d%2Ff.txt'),
  curlFails('URL/storage/v1/b/bkt/o/d%2Ff.txt'),
];

function does(text: string): Command {
  return { args: text.split(' ') };
}

function fails(text: string): Command {
  return { ...does(text), fails: true };
}

function curl(text: string): Command {
  return does(`-sS --fail-with-body ${text}`);
}

function curlFails(text: string): Command {
  return fails(`-sS --fail-with-body ${text}`);
}
