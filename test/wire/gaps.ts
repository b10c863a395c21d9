/**
 * What the corpus asks for and eddy does not do yet: the name of the case, and what happens instead. The tests hold
 * this list exact.
 */
export const GAPS: Readonly<Record<string, string | undefined>> = {};
