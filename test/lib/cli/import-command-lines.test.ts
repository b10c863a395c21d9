/** Command lines of Uvicorn, Hypercorn, Granian and Gunicorn, as our config files. */
import { expect } from "chai";
import { importFile } from "../../../lib/cli/import/import.ts";
import type { Settings } from "../../../lib/cli/schema.ts";
import { typed } from "../../support/imported.ts";
import { PYTHON } from "../../support/python.ts";

describe("A command line", () => {
  const ASGI = { maxBody: Infinity };
  for (const [line, given] of [
    [
      "uvicorn shop:make --factory --host 0.0.0.0 --port=80 --workers 4 --loop uvloop --no-access-log",
      {
        app: "python:shop:make()",
        http: ["0.0.0.0:80"],
        pythonProcesses: 4,
        pythonLoop: "uvloop",
        accessLog: "none",
        trustProxy: ["127.0.0.1"],
      },
    ],
    [
      "uvicorn app:app --no-proxy-headers",
      { app: "python:app:app", accessLog: "-", trustProxy: [] },
    ],
    [
      "uvicorn app:app --host ::1 --interface asgi3 --ssl-cert-reqs 2",
      {
        app: "python:app:app",
        http: ["[::1]:8000"],
        pythonInterface: "asgi",
        tlsVerifyClient: "require",
        accessLog: "-",
        trustProxy: ["127.0.0.1"],
      },
    ],
    [
      "uvicorn app:app --reload --reload-delay 2",
      {
        app: "python:app:app",
        reload: true,
        accessLog: "-",
        trustProxy: ["127.0.0.1"],
      },
    ],
    [
      "hypercorn -k uvloop -w4 --bind unix:/run/a.sock --reload app:app",
      {
        app: "python:app:app",
        reload: true,
        http: ["unix:/run/a.sock"],
        pythonProcesses: 4,
        pythonLoop: "uvloop",
      },
    ],
    [
      "granian --interface asgi --workers 2 --reload --reload-tick 50 --ssl-protocol-min tls1.3 app:app",
      {
        app: "python:app:app",
        reload: true,
        pythonInterface: "asgi",
        pythonProcesses: 2,
        tlsMinVersion: "TLSv1.3",
      },
    ],
    [
      "gunicorn -w 4 -k uvicorn.workers.UvicornWorker --preload app:app",
      {
        app: "python:app:app",
        pythonInterface: "asgi",
        pythonProcesses: 4,
        pythonLazyApps: false,
      },
    ],
  ] as [string, Partial<Settings>][])
    it(`becomes settings: ${line}`, async () => {
      const { settings, summary, complete } = await typed(line);
      expect(settings).to.deep.equal({ ...ASGI, ...given });
      expect(complete, summary).to.equal(true);
    });

  for (const [line, message] of [
    [
      "uvicorn a:app --reload --reload-include *.html",
      /^ {2}uvicorn:4: reload-include: `eddy reload`/m,
    ],
    ["uvicorn a:app --root-path /x", /root-path: `mount` in place of `app`/],
    ["hypercorn a:app -k trio", /there is no loop trio: asyncio or uvloop/],
    ["granian --interface rsgi a:app", /rsgi is neither ASGI nor WSGI/],
    ["gunicorn a:app --keep-alive 5", /keepalive: `idleTimeoutMs` of a Loop/],
    ["uvicorn a:app --wonder 1", /wonder: eddy import does not know it/],
  ] as [string, RegExp][])
    it(`says what does not translate: ${line}`, async () => {
      const { summary, complete } = await typed(line);
      expect(summary).to.match(message);
      expect(complete).to.equal(false);
    });

  it("is refused when a flag has no value", () => {
    expect(() => importFile("uvicorn", PYTHON, ["a:app", "--port"])).to.throw(
      /cannot import uvicorn: --port has no value/,
    );
  });
});
