/** Fields that are twice in one object, which `JSON.parse` does not tell. */

const TOKENS = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g;

/** Their names, as JSON, at any depth of a text that is JSON. */
export function repeatedFields(json: string): string[] {
  const open: Set<string>[] = [];
  const repeated: string[] = [];
  for (const [token, colon] of json.matchAll(TOKENS)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      const names = open.at(-1)!;
      if (names.has(token)) repeated.push(token);
      names.add(token);
    }
  }
  return repeated;
}
