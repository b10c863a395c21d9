/** What the corpus asks for and eddy does not do yet: the name of the case, and what happens instead. The tests hold this list exact. */
export const GAPS: Readonly<Record<string, string | undefined>> = {
  "invalid/line-query-with-delete": "only the path is looked at",
  "invalid/line-query-with-fragment": "only the path is looked at",
  "valid/chunked-over-the-limit-then-another":
    "what follows in the same packet is answered, and the connection kept",
  "valid/connection-close-then-another":
    "what follows in the same packet is answered, and the connection kept",
  "valid/connection-close-announced":
    "the connection is closed, but the reply does not say so",
};
