/** The two parts of a target that is a path with a query (RFC 9112, section 3.2.1). The query is empty without one. */
export function pathAndQuery(target: string): [path: string, query: string] {
  const mark = target.indexOf("?");
  return mark < 0
    ? [target, ""]
    : [target.slice(0, mark), target.slice(mark + 1)];
}
