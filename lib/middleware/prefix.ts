/** Whether a path is below a prefix, also in the eyes of an application that reads it in its own way. */

/**
 * What stands at a prefix often guards it, so in doubt a path is below: escapes, case, empty segments, dots and
 * backslashes do not lead past it, as there are applications to which `/%61dmin`, `/ADMIN`, `//admin` and `/x/../admin`
 * are `/admin`.
 */
export function isBelow(prefix: string, path: string): boolean {
  if (prefix === "" || starts(prefix, path)) return true;
  if (!UNUSUAL.test(path)) return false;
  const segments = decoded(path).split(/[/\\]+/);
  return (
    starts(prefix, segments.join("/")) ||
    starts(prefix, resolved(segments).join("/"))
  );
}

const UNUSUAL = /%|\/\/|\/\.|\\/;

/** `prefix` is in lower case. */
function starts(prefix: string, path: string): boolean {
  const head = path.slice(0, prefix.length + 1).toLowerCase();
  return head === prefix || head === `${prefix}/`;
}

/** Byte by byte, as it is ASCII that matters here; what is no escape stays. */
const decoded = (path: string): string =>
  path.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );

function resolved(segments: readonly string[]): string[] {
  const kept: string[] = [];
  for (const segment of segments)
    if (segment === "..") kept.splice(Math.max(1, kept.length - 1), 1);
    else if (segment !== ".") kept.push(segment);
  return kept;
}
