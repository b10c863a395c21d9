/** How what stands at a prefix is written: `/prefix=what`. */
export const PREFIXED = /^(\/[^=]*)=(.+)$/;
