/** Which header fields go on to the next server. */
import { HOP_BY_HOP } from "../common/hop-by-hop.ts";

/**
 * The fields that are handed on: all but those whose names are in `dropped`, in lower case, or in `Connection`.
 * `raw` and the result: name, value, name, value, …
 */
export function endToEnd(
  raw: readonly string[],
  dropped = HOP_BY_HOP,
): string[] {
  const named = namedByConnection(raw);
  return raw.filter((_, i) => {
    const name = raw[i - (i % 2)]!.toLowerCase();
    return !dropped.has(name) && !named.has(name);
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
