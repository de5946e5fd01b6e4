const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,]\d+)?(Z|[+-]\d{2}:\d{2})$/;
const rfc3339Micro = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(Z|[+-]\d{2}:\d{2})$/;

/** metav1.Time as it is written: UTC, whole seconds (cut, not rounded). `undefined` when the text is no RFC 3339 time. */
export function canonicalTime(text: string): string | undefined {
  if (!rfc3339.test(text)) return undefined;
  const at = Date.parse(text.replace(',', '.'));
  return Number.isNaN(at) ? undefined : formatTime(new Date(at));
}

/** metav1.MicroTime: exactly six digits of fraction, kept. */
export function canonicalMicroTime(text: string): string | undefined {
  if (!rfc3339Micro.test(text)) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) return undefined;
  const micros = /\.(\d{6})/.exec(text)?.[1] ?? '000000';
  return `${new Date(at).toISOString().slice(0, 19)}.${micros}Z`;
}

export function formatTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
