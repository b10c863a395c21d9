/**
 * What a reply says whichever engine sends it: without its date and its name, and the field that it adds in one case.
 */
export function withoutEngine(reply: string): string {
  return reply
    .replace(/^(date|uWebSockets): .*\r\n/gim, "")
    .replace(/^content-length:/gim, "Content-Length:");
}
