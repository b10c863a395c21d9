/** Whether this process is one of several that serve the same applications, as whoever has started it knows. */
import { channel } from "node:diagnostics_channel";

/** By its name, because there may be two copies of this file in a process: the command's, and the application's. */
const several = channel("eddy:processes:several");

/** Said by the command in each of its workers, where there are several. */
export const beOneOfSeveral = (): void => several.subscribe(() => {});

/** For `wsgi.multiprocess`. */
export const isOneOfSeveral = (): boolean => several.hasSubscribers;
