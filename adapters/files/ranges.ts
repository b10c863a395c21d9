/** The field Range (RFC 9110, section 14). */
import type { ByteRange } from "../common/file-pieces.ts";

/** More of them are no download that goes on, but an attempt to make work. */
const MOST_RANGES = 8;

/**
 * The parts of a file of `size` bytes that `field` asks for, in its order; none where there are no such bytes: 416.
 * Undefined for what is not to be heeded, and answered with the whole file: other units, what cannot be read, too many
 * ranges, and such as overlap (section 14.2).
 */
export function rangesOf(
  field: string,
  size: number,
): readonly ByteRange[] | undefined {
  const [, list] = /^bytes=(.*)$/i.exec(field) ?? [];
  if (list === undefined) return undefined;
  const specs = list
    .split(",", MOST_RANGES + 1)
    .map((spec) => spec.trim())
    .filter(Boolean);
  if (specs.length === 0 || specs.length > MOST_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = rangeOf(spec, size);
    if (range === undefined) return undefined;
    if (range[0] < range[1]) ranges.push(range);
  }
  return overlap(ranges) ? undefined : ranges;
}

/** `0-499`, `500-`, `-500`. Empty where there are no such bytes; undefined for what is none. */
function rangeOf(spec: string, size: number): ByteRange | undefined {
  const [, first, last] = /^(\d{0,15})-(\d{0,15})$/.exec(spec) ?? [];
  if (first === undefined || last === undefined || spec === "-")
    return undefined;
  if (first === "") return [Math.max(0, size - Number(last)), size];
  const from = Number(first);
  if (last === "") return [from, size];
  return from > Number(last)
    ? undefined
    : [from, Math.min(Number(last) + 1, size)];
}

function overlap(ranges: readonly ByteRange[]): boolean {
  const sorted = [...ranges].sort(([a], [b]) => a - b);
  return sorted.some(([from], i) => i > 0 && from < sorted[i - 1]![1]);
}
