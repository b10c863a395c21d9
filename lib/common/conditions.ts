/** What conditional requests say (RFC 9110, section 13). */

/** In a list of tags, weak or not, compared weakly (sections 8.8.3.2 and 13.1.2). A tag may have a comma in it. */
export function isListed(list: string, etag: string): boolean {
  if (list.trim() === "*") return true;
  const tags: string[] = list.match(/"[^"]*"/g) ?? [];
  return tags.includes(etag.replace(/^W\//, ""));
}

/** An HTTP-date (section 5.6.7), the oldest form of which names no zone; `otherwise` for what is none. */
export function httpTime(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(value) ? otherwise : value;
}
