/** Files that an application in another process is made of, or lacks: for whoever watches them. */
import { channel } from "node:diagnostics_channel";

/** By its name, because there may be two copies of this file in a process: the command's, and the application's. */
const files = channel("eddy:application:files");

/** Said by the command in each of its workers, where it watches files. */
export const watchApplicationFiles = (
  found: (files: readonly string[]) => void,
): void => files.subscribe((message) => found(message as readonly string[]));

/** Adapters find out about files only then. */
export const areFilesWatched = (): boolean => files.hasSubscribers;

export const tellFiles = (found: readonly string[]): void =>
  files.publish(found);
