/** A module that cannot be loaded. */
throw new RangeError("on purpose");

export {};
