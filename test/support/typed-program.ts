/** A user's program that touches every name of the package, and how its types are checked. */

export const PROGRAM = `
  import { createServer } from "node:http";
  import { json, Loop, stream, type Handler } from "eddy";
  import * as adapter from "eddy/adapter";
  import { files } from "eddy/adapters/files";
  import { fetch as fetching } from "eddy/adapters/fetch";
  import { http } from "eddy/adapters/http";
  import { node } from "eddy/adapters/node";
  import { python } from "eddy/adapters/python";
  import { uwsgi } from "eddy/adapters/uwsgi";
  import { wsgi } from "eddy/adapters/wsgi";
  import { defineConfig, secretKey } from "eddy/config";
  import * as middleware from "eddy/middleware";
  import { sleep } from "eddy/operations";
  import { wait } from "eddy/wait";

  export const hello = (({ path }) => json({ path })) satisfies Handler;
  export const proxied = (async () => {
    const response = await fetch("http://127.0.0.1:9000/");
    return stream(response.body);
  }) satisfies Handler;
  export const later = (function* () {
    yield* sleep(10);
    return "now";
  }) satisfies Handler;

  const loop = new Loop().get("/", hello).get("/proxied", proxied).get("/later", later);
  loop.get("/users/:id", ({ params }) => params.id);
  // @ts-expect-error: the pattern has no such parameter, which would pass if \`eddy\` had no types
  loop.get("/users/:id", ({ params }) => params.name);
  loop.use(middleware.compress());
  loop.mount("/node", node(createServer((request, response) => void response.end())));
  export default loop;
  export const config = defineConfig({ app: "./app.ts", workers: 0 });
  export { adapter, fetching, files, http, python, secretKey, uwsgi, wait, wsgi };
`;

/** Its tsconfig.json: strict, and with the declarations of libraries checked. */
export const TSCONFIG = JSON.stringify({
  compilerOptions: {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    target: "ES2022",
    module: "NodeNext",
    types: ["node"],
  },
  files: ["app.ts"],
});
