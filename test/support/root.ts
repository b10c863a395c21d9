/** The folder of the project, seen from dist/test/support. */
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
