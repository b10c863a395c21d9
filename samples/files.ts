// A site of one page beside an API. In a browser: http://localhost:8000, or http://localhost:8000/orders/7
//   curl -I localhost:8000/assets/app-3f9a2c.js     may be kept for a year: its name has a hash in it
//   curl -r 0-14 localhost:8000/                    a part of a file
import { fileURLToPath } from "node:url";
import { Loop } from "eddy";
import { files } from "eddy/adapters/files";

/** The folder beside this file, also where it is compiled. */
const site = fileURLToPath(
  new URL("files", import.meta.url.replace("/dist/", "/")),
);

await new Loop()
  .mount("/", files(site, { fallback: "index.html" }))
  .mount("/assets", files(`${site}/assets`, { immutable: true }))
  .get("/api/time", () => new Date().toISOString())
  .serve(Number(process.env.PORT ?? 8000));
