/** Handlers and sources of the attacked server that have begun and have not cleaned up. */
export const held = { count: 0 };
