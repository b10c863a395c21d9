/** The applications under test, on eddy. node-application.ts has the same on node:http. */
import { setImmediate } from "node:timers/promises";
import { wsgi } from "../../adapters/wsgi.ts";
import type { Application, GatewayRequest, Loop } from "../../lib/index.ts";
import { echo, listCookies, showEnviron } from "./answers.ts";
import { PROBED } from "./play.ts";

/** Mounts them; each notes when it is called, as `GET /echo`, unless a probe did it. */
export function mountApplications(loop: Loop, calls: string[]): void {
  const noted =
    (application: Application): Application =>
    (request) => {
      calls.push(`${request.method} ${request.mountPath}${request.path}`);
      return typeof application === "function"
        ? application(request)
        : application.handle(request);
    };
  loop.get("/probe", () => PROBED);
  for (const [path, application] of Object.entries(GETS))
    loop.get(path, noted(application));
  loop
    .any("/deaf", noted(deaf))
    .post("/pieces", noted(countPieces))
    .mount("/echo", noted(answerEcho))
    .mount("/small", noted(answerEcho), { maxBodyBytes: 4 })
    .mount("/wsgi", noted(answerEnviron));
}

const GETS: Record<string, Application> = {
  "/text": () => "hello",
  "/204": () => null,
  "/304": () => ({ status: 304, headers: { etag: '"a"' } }),
  "/cookies": ({ cookies }) => listCookies(cookies),
  "/turn": async () => {
    await setImmediate();
    return "a turn later";
  },
};

/** Does not look at the body. */
const deaf: Application = () => "not read";

/** In how many pieces the body came: it shows what the fragments are worth. */
async function countPieces({ body }: GatewayRequest): Promise<string> {
  let pieces = 0;
  for await (const _ of body) pieces++;
  return String(pieces);
}

const pairs = (raw: readonly string[]): [name: string, value: string][] =>
  raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]!]] : []));

/** At once where there is no body to wait for. */
function answerEcho(request: GatewayRequest): string | Promise<string> {
  const { method, mountPath, queryString: query, headers } = request;
  const path = mountPath + request.path;
  const fields = pairs(headers.raw); // as they came
  const answer = (body: string): string =>
    echo({ method, path, query, fields, body });
  return request.hasBody ? request.text().then(answer) : answer("");
}

const answerEnviron = wsgi((environ, startResponse) => {
  startResponse("200 OK", [["content-type", "text/plain"]]);
  const body = Buffer.from(environ["wsgi.input"].read()).toString("latin1");
  return [Buffer.from(showEnviron({ ...environ }, body), "latin1")];
});
