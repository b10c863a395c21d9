/** "1 exchange", "2 exchanges": a number of things, as a message says it. */
export const counted = (count: number, thing: string): string =>
  `${count} ${thing}${count === 1 ? "" : "s"}`;
