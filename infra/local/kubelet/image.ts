import { createHash } from 'node:crypto';
import type { ImageEntry, Images } from './types.ts';

const HOST = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d+)?`;
const COMPONENT = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
/** The grammar of https://github.com/distribution/reference: a host, a path, a tag, a digest. */
const REFERENCE = new RegExp(
  String.raw`^((?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*)(?::([\w][\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

export type ImageLookup =
  | { readonly kind: 'present'; readonly entry: ImageEntry; readonly imageId: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid' };

/** Finds the entry of an image reference: its name, name:tag or name@digest may be the key, the longest that fits counts. */
export function findImage(images: Images, reference: string): ImageLookup {
  const [, name, tag, digest] = REFERENCE.exec(reference) ?? [];
  if (name === undefined) return { kind: 'invalid' };
  const tagged = tag === undefined ? [name, `${name}:latest`] : [name, `${name}:${tag}`];
  const names = new Set(
    [...tagged, ...(digest === undefined ? [] : tagged.map((text) => `${text}@${digest}`))].map(canonical),
  );
  const best = Object.entries(images)
    .filter(([key]) => names.has(canonical(key)))
    .toSorted(([a], [b]) => canonical(b).length - canonical(a).length)[0];
  if (best === undefined) return { kind: 'absent' };
  return { kind: 'present', entry: best[1], imageId: imageIdOf(...best) };
}

/** `docker.io/library/x` and `x` are one image. */
function canonical(name: string): string {
  return name.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '');
}

function imageIdOf(key: string, entry: ImageEntry): string {
  return `process://${key}@sha256:${createHash('sha256')
    .update(JSON.stringify([key, entry.command, entry.args ?? []]))
    .digest('hex')}`;
}
