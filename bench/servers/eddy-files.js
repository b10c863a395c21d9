/** Arguments: a folder; bytes up to which a file is kept in memory. */
import { Loop } from "eddy";
import { files } from "eddy/adapters/files";
import { host, port, ready } from "./report.js";

const [folder, most = 64 * 1024] = process.argv.slice(3);
await new Loop({ log: false })
  .mount("/", files(folder, { maxCachedFileBytes: Number(most) }))
  .listen({ port, host });
ready();
