/** What the corpus asks for and eddy does not do yet: the name of the case, and what happens instead. The tests hold this list exact. */
export const GAPS: Readonly<Record<string, string | undefined>> = {
  "invalid/percent-and-two-lengths":
    "the path is refused first, and the connection kept: what follows is answered",
  "invalid/line-query-with-delete": "only the path is looked at",
  "invalid/line-query-with-fragment": "only the path is looked at",
  "invalid/host-ipv6-of-colons":
    "brackets with colons and digits in them pass for an address",
  "valid/length-over-the-limit-then-another":
    "what follows in the same packet is answered, and the connection kept",
  "valid/chunked-over-the-limit-then-another":
    "what follows in the same packet is answered, and the connection kept",
  "valid/connection-close-then-another":
    "what follows in the same packet is answered, and the connection kept",
  "valid/connection-close-in-a-list":
    "the engine knows the option only where it stands alone",
  "valid/connection-close-announced":
    "the connection is closed, but the reply does not say so",
};
