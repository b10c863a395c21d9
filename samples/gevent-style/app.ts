// What each of the threads loads. See ../gevent-style.ts.
import type { Environ, WsgiApp } from "eddy/adapters/wsgi";
import { wait, work } from "eddy/wait";

interface Greeting {
  text: string;
}

const app: WsgiApp = (environ, startResponse) => {
  const [, page = "", name = ""] = environ.PATH_INFO.split("/");
  const pages: Record<string, (environ: Environ, name: string) => string> = {
    one,
    all,
    slow,
  };
  const text = pages[page]?.(environ, name);
  const status = text === undefined ? "404 Not Found" : "200 OK";
  startResponse(status, [["content-type", "text/plain"]]);
  return [`${text ?? "There is /one/NAME, /all and /slow."}\n`];
};
export default app;

function one(environ: Environ, name: string): string {
  return wait.fetch(urlOf(environ, name)).json<Greeting>().text;
}

/** A tenth of a second, not ten of them. */
function all(environ: Environ): string {
  const names = Array.from({ length: 10 }, (_, i) => `friend ${i}`);
  const responses = wait(names.map((name) => work.fetch(urlOf(environ, name))));
  return responses.map((response) => response.json<Greeting>().text).join("\n");
}

function slow(): string {
  return wait.call<string>("research");
}

function urlOf(environ: Environ, name: string): string {
  return `http://${environ.HTTP_HOST}/api/greeting/${encodeURIComponent(name)}`;
}
