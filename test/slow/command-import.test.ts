/** `eddy import`, and what it has made as the command runs it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Eddy, eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { needsPython, PYTHON } from "../support/python.ts";

const APP = `
import os

from helper import GREETING


def site(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/size":
        return [b"%d" % len(environ["wsgi.input"].read())]
    told = (GREETING, environ["wsgi.multiprocess"], environ["wsgi.multithread"], os.environ.get("REGION"))
    return [("%s %s %s %s" % told).encode()]
`;

const FILES = {
  "srv/app.py": APP,
  "lib/helper.py": 'GREETING = "hello"\n',
};

describe("eddy import", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  for (const [name, lines, code] of [
    [
      "uwsgi.ini",
      [
        "[uwsgi]",
        "chdir = %dsrv",
        "pythonpath = %dlib",
        "wsgi-file = app.py",
        "callable = site",
        "processes = 2",
        "threads = 3",
        "env = REGION=eu",
        "master = true",
      ],
      0,
    ],
    [
      "gunicorn.conf.py",
      [
        "import os",
        "wsgi_app = 'app:site'",
        "chdir = 'srv'",
        "pythonpath = '../lib'",
        "workers = 2",
        "threads = 3",
        "raw_env = ['REGION=eu']",
        "bind = '127.0.0.1:' + os.environ['PORT']",
      ],
      1,
    ],
  ] as [string, string[], number][])
    it(`makes a config file of ${name} that the command runs`, async () => {
      const folder = folderWith({ ...FILES, [name]: lines.join("\n") });
      const translating = new Eddy(folder, [
        "import",
        name,
        "--python",
        PYTHON,
      ]);
      expect(await translating.ended, translating.stderr).to.equal(code);
      const config = `${translating.lines.join("\n")}\n`;
      writeFileSync(join(folder, "eddy.config.yaml"), config);

      const command = eddy(folder, ["--python", PYTHON]);
      expect(await command.text()).to.equal("hello True True eu");
      const body = Buffer.alloc(3 * 1024 ** 2);
      const upload = await fetch(`${await command.url()}/size`, {
        method: "POST",
        body,
      });
      expect(await upload.text(), "no limit, as theirs").to.equal(
        String(body.length),
      );
    });

  it("ends with 2, says why and prints nothing when it cannot read the file", async () => {
    const command = new Eddy(folderWith({}), ["import", "uwsgi.ini"]);
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(/^eddy: cannot import uwsgi\.ini: ENOENT/);
    expect(command.lines).to.deep.equal([]);
  });

  it("ends with 2 for a command line whose flags would be taken for its own", async () => {
    const line = ["import", "uvicorn", "app:app", "--port", "80"];
    const command = new Eddy(folderWith({}), line);
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(/eddy import -- uvicorn app:app …$/m);
    expect(command.lines).to.deep.equal([]);
  });

  it("says on standard error what it has not translated", async () => {
    const folder = folderWith({
      "uwsgi.ini": "[uwsgi]\ncron = 0 0 1 1 1 ls\n",
    });
    const command = new Eddy(folder, ["import", "uwsgi.ini"]);
    expect(await command.ended).to.equal(1);
    expect(command.stderr).to.match(/uwsgi\.ini:2: cron: a program of its own/);
  });
});

describe("Applications of Python in the command", function () {
  this.timeout(PATIENCE_MS);

  it("have the settings that begin with python, from wherever they come", async function () {
    needsPython(this);
    const folder = folderWith({
      ...FILES,
      "eddy.config.yaml": "pythonPath: [lib, srv]\npythonProcesses: 2\n",
    });
    const args = ["python:app:site", "--python", PYTHON];
    const command = eddy(folder, args, { EDDY_PYTHON_THREADS: "2" });
    expect(await command.text()).to.equal("hello True True None");
  });

  it("say what is wrong with them", async () => {
    const args = ["python:app:site", "--python-venv", "nowhere"];
    const command = eddy(folderWith(FILES), args);
    expect(await command.ended).to.equal(3);
    expect(command.stderr).to.match(/there is no virtual environment at /);
  });
});
