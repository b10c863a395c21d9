/** What applications and config files import of the command: `eddy/config`. */
export { defineConfig, type ConfigFileSettings } from "./define-config.ts";
export { secretKey } from "../common/secret-key.ts";
