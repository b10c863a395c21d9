/** Which header fields go on to the next server. */

/** RFC 9110, section 7.6.1: they belong to one connection; the rest of it is named by `Connection` itself. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Without those of the connection. Name, value, name, value, … */
export function endToEnd(raw: readonly string[]): string[] {
  const named = namedByConnection(raw);
  return raw.filter((_, i) => {
    const name = raw[i - (i % 2)]!.toLowerCase();
    return !HOP_BY_HOP.has(name) && !named.has(name);
  });
}

function namedByConnection(raw: readonly string[]): Set<string> {
  const named = new Set<string>();
  for (let i = 0; i < raw.length; i += 2)
    if (raw[i]!.toLowerCase() === "connection")
      for (const option of raw[i + 1]!.split(","))
        named.add(option.trim().toLowerCase());
  return named;
}
