/**
 * What a reply says whichever engine sends it: without its date, its name and for how long it keeps connections, and
 * the field that it adds in one case.
 */
export function withoutEngine(reply: string): string {
  return reply
    .replace(
      /^(date: .*|uWebSockets: .*|connection: keep-alive|keep-alive: .*)\r\n/gim,
      "",
    )
    .replace(/^content-length:/gim, "Content-Length:");
}
