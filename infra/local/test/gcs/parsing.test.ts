import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFields } from '../../gcs/fields.ts';
import { parseBoundary, readMultipart } from '../../gcs/multipart.ts';
import { decodeSegment, requireBucketName, requireObjectName } from '../../gcs/names.ts';
import { parseContentRange, parseRange } from '../../gcs/ranges.ts';

const badRequest = expect.objectContaining({ status: 400 });

describe('fields', () => {
  const answer = {
    kind: 'k',
    nextPageToken: 't',
    items: [
      { name: 'a', size: '1', metadata: { x: '1', y: '2' } },
      { name: 'b', size: '2' },
    ],
  };

  test.each([
    ['kind', { kind: 'k' }],
    ['items/name', { items: [{ name: 'a' }, { name: 'b' }] }],
    ['items(name),kind', { kind: 'k', items: [{ name: 'a' }, { name: 'b' }] }],
    [
      'nextPageToken,items(name,metadata/x)',
      {
        nextPageToken: 't',
        items: [{ name: 'a', metadata: { x: '1' } }, { name: 'b' }],
      },
    ],
    ['items/metadata(y)', { items: [{ metadata: { y: '2' } }, {}] }],
    ['*', answer],
    ['items/*', { items: answer.items }],
    ['items', { items: answer.items }],
    ['absent', {}],
    ['', answer],
    [null, answer],
  ])('%s', (fields, wanted) => {
    expect(parseFields(fields)(answer)).toEqual(wanted);
  });

  test.each(['items(name', 'items)', 'a,,b', '(a)', 'a()'])('"%s" is refused with 400', (fields) => {
    expect(() => parseFields(fields)).toThrow(badRequest);
  });
});

describe('ranges', () => {
  test.each([
    [undefined, 10, { start: 0, end: 10, partial: false }],
    ['bytes=0-4', 10, { start: 0, end: 5, partial: true }],
    ['bytes=5-', 10, { start: 5, end: 10, partial: true }],
    ['bytes=-3', 10, { start: 7, end: 10, partial: true }],
    ['bytes=-30', 10, { start: 0, end: 10, partial: true }],
    ['bytes=8-99', 10, { start: 8, end: 10, partial: true }],
    ['bytes=0-1,4-5', 10, { start: 0, end: 10, partial: false }],
    ['bytes=5-4', 10, { start: 0, end: 10, partial: false }],
    ['lines=1-2', 10, { start: 0, end: 10, partial: false }],
  ])('%s of %i bytes', (header, size, range) => {
    expect(parseRange(header, size)).toEqual(range);
  });

  test.each([
    ['bytes=10-', 10],
    ['bytes=0-', 0],
    ['bytes=-0', 10],
  ])('%s of %i bytes is refused with 416', (header, size) => {
    expect(() => parseRange(header, size)).toThrow(expect.objectContaining({ status: 416 }));
  });

  test.each([
    [undefined, { start: 0, total: null, last: true }],
    ['bytes 0-*/*', { start: 0, total: null, last: true }],
    ['bytes 0-9/10', { start: 0, total: 10, last: true }],
    ['bytes 0-9/*', { start: 0, total: null, last: false }],
    ['bytes 10-19/30', { start: 10, total: 30, last: false }],
    ['bytes */*', { start: null, total: null, last: false }],
    ['bytes */30', { start: null, total: 30, last: false }],
    ['bytes 0-', null],
    ['items 0-1/2', null],
  ])('Content-Range %s', (header, range) => {
    expect(parseContentRange(header)).toEqual(range);
  });
});

describe('names', () => {
  test.each(['abc', 'a-b_c.d', 'my.bucket.example', 'x'.repeat(63)])('bucket %s', (name) => {
    expect(requireBucketName(name)).toBe(name);
  });

  test.each(['', 'ab', 'Abc', '-ab', 'ab-', 'a..b', 'a b', 'x'.repeat(64)])('bucket "%s" is refused', (name) => {
    expect(() => requireBucketName(name)).toThrow(badRequest);
  });

  test.each(['a', '/', 'a//b', '...', 'ä', '\t', 'x'.repeat(1024)])('object "%s"', (name) => {
    expect(requireObjectName(name)).toBe(name);
  });

  test.each(['', '.', '..', 'a\nb', 'a\r', 'x'.repeat(1025), 'ä'.repeat(513), '.well-known/acme-challenge/x'])(
    'object "%s" is refused',
    (name) => {
      expect(() => requireObjectName(name)).toThrow(badRequest);
    },
  );

  test('a path that is not UTF-8 is refused', () => {
    expect(decodeSegment('a%2Fb%C3%A4')).toBe('a/bä');
    expect(() => decodeSegment('%ff')).toThrow(badRequest);
    expect(() => decodeSegment('%')).toThrow(badRequest);
  });
});

describe('multipart/related', () => {
  const cut = async function* (bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
    let at = 0;
    for (let index = 0; at < bytes.length; index += 1) {
      const end = at + Math.max(1, sizes[index % sizes.length] ?? 1);
      yield bytes.subarray(at, end);
      at = end;
    }
  };
  async function read(body: string | Buffer, boundary = 'xx', sizes: readonly number[] = [1000]) {
    const { media, ...parts } = await readMultipart(cut(Buffer.from(body), sizes), boundary);
    const chunks: Buffer[] = [];
    for await (const chunk of media) chunks.push(chunk);
    return { ...parts, media: Buffer.concat(chunks) };
  }

  test.each([
    ['multipart/related; boundary=abc', 'abc'],
    ['multipart/related; boundary="a b"', 'a b'],
    ["multipart/related; boundary='===1=='", '===1=='],
    ['Multipart/Related; type=x; Boundary=abc; charset=y', 'abc'],
  ])('the boundary of %s', (type, boundary) => {
    expect(parseBoundary(type)).toBe(boundary);
  });

  test.each([undefined, 'application/json', 'multipart/related'])('%s has no boundary', (type) => {
    expect(() => parseBoundary(type)).toThrow(badRequest);
  });

  test('as gcloud writes it, with LF', async () => {
    const head = 'Content-Type: text/plain\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary';
    const body = `--xx\nContent-Type: application/json\nMIME-Version: 1.0\n\n{"name": "n"}\n--xx\n${head}\n\nhi\r\n--xx--`;
    expect(await read(body)).toEqual({
      metadata: '{"name": "n"}',
      contentType: 'text/plain',
      media: Buffer.from('hi\r'),
    });
  });

  test('any bytes, in any pieces, are given back', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: fc.constantFrom('\r', '\n', '-', 'x', 'a'), maxLength: 60 }).map((text) => Buffer.from(text)),
    );
    const property = fc.asyncProperty(
      bytes,
      fc.constantFrom('\n', '\r\n'),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      async (media, eol, sizes) => {
        const content = Buffer.from(media);
        fc.pre(!content.includes(`${eol}--xyz`));
        const head = `--xyz${eol}Content-Type: application/json${eol}${eol}{}${eol}--xyz${eol}Content-Type: a/b${eol}${eol}`;
        const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`${eol}--xyz--${eol}`)]);
        expect(await read(body, 'xyz', sizes)).toEqual({ metadata: '{}', contentType: 'a/b', media: content });
      },
    );
    await fc.assert(property);
  });

  test.each([
    ['no boundary', 'hello'],
    ['one part', '--xx\r\nA: b\r\n\r\n{}\r\n--xx--'],
    ['no end', '--xx\r\nA: b\r\n\r\n{}\r\n--xx\r\nA: b\r\n\r\ncut sho'],
    ['an encoding', '--xx\r\nA: b\r\n\r\n{}\r\n--xx\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--xx--'],
  ])('%s is refused with 400', async (_, body) => {
    await expect(read(body)).rejects.toThrow(badRequest);
  });
});
