import { expect } from "chai";
import { readable } from "../../../adapters/files/folder.ts";
import { HttpError } from "../../../lib/index.ts";

const failing = (code: string) => () => {
  throw Object.assign(new Error(`${code}: /srv/a.txt`), { code });
};

describe("readable()", () => {
  it("gives nothing where the system says that nothing is there", () => {
    for (const code of ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"])
      expect(readable(failing(code)), code).to.equal(undefined);
  });

  it("answers 403 for what may not be read, with the system's words for the log alone", () => {
    for (const code of ["EACCES", "EPERM"])
      expect(readable.bind(undefined, failing(code)), code)
        .to.throw(HttpError, /^this file may not be read$/)
        .that.has.property("status", 403);
  });

  it("hides no other error", () => {
    expect(() => readable(failing("EMFILE"))).to.throw(/^EMFILE/);
  });
});
