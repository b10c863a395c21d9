/** Folders of one process, in one where others can write, too. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { makePrivateFolder } from "../../../lib/common/private-folder.ts";
import { folderWith } from "../../support/folder.ts";
import { NOBODY } from "../../support/other-user.ts";

describe("makePrivateFolder()", () => {
  /** As a process has named it that has ended. */
  function leftIn(parent: string): string {
    const space = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))![0];
    const { pid } = spawnSync("true");
    return join(parent, `eddy-test-${space}-${pid}-AbCdEf`);
  }

  it("makes one that only its user can enter, whatever the mask", () => {
    const mask = process.umask(0);
    const folder = makePrivateFolder(folderWith({}), "test");
    process.umask(mask);
    expect(lstatSync(folder).mode & 0o777).to.equal(0o700);
    expect(lstatSync(folder).uid).to.equal(process.getuid!());
  });

  it("removes what a process of the same user has left, and follows no link", function () {
    if (!existsSync("/proc/self/ns/pid")) this.skip();
    const parent = folderWith({ "precious/file": "" });
    const [folder, link] = [leftIn(parent), leftIn(parent)];
    mkdirSync(folder);
    symlinkSync(join(parent, "precious"), join(folder, "inside"));
    symlinkSync(join(parent, "precious"), link);
    makePrivateFolder(parent, "test");
    expect(existsSync(folder)).to.equal(false);
    expect(existsSync(link)).to.equal(false);
    expect(existsSync(join(parent, "precious/file"))).to.equal(true);
  });

  it("leaves what another user has put there under such a name", function () {
    if (process.getuid?.() !== 0) this.skip();
    const parent = folderWith({ "precious/file": "" });
    const [folder, link] = [leftIn(parent), leftIn(parent)];
    mkdirSync(folder);
    symlinkSync(join(parent, "precious"), link);
    for (const path of [folder, link]) lchownSync(path, NOBODY, NOBODY);
    makePrivateFolder(parent, "test");
    expect(lstatSync(folder).isDirectory()).to.equal(true);
    expect(lstatSync(link).isSymbolicLink()).to.equal(true);
    expect(existsSync(join(parent, "precious/file"))).to.equal(true);
  });
});
