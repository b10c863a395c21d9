/** A module whose import waits for what never comes, with nothing else to do. */
await new Promise<never>(() => {});

export {};
