/** A module whose import does not end, though there is something to do. */
setInterval(() => {}, 1000);
await new Promise<never>(() => {});

export {};
