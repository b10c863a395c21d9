import { expect } from "chai";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  replaceC23Aliases,
  UnknownAddonError,
} from "../../../../lib/engine/uws/glibc.ts";

const folder = dirname(
  createRequire(import.meta.url).resolve("uWebSockets.js"),
);
const binary = (target: string): Buffer =>
  readFileSync(join(folder, `uws_${target}.node`));
const isAlias = (name: string): boolean => name.startsWith("__isoc23_");
const hasReadelf = spawnSync("readelf", ["--version"]).status === 0;

/** Where the rewrite reads and writes, found by a reader of its own. */
interface Layout {
  header: Area;
  table: Area;
  dynsym: Area;
  dynstr: Area;
  versym: Area;
  verneed: Area;
}

interface Area {
  start: number;
  end: number;
}

describe("The C23 aliases of a native addon", () => {
  const originals = {
    x64: binary("linux_x64_115"),
    arm64: binary("linux_arm64_115"),
  };
  const { x64 } = originals;
  const layout = layoutOf(x64);

  for (const [arch, aliases, base] of [
    [
      "x64",
      ["__isoc23_sscanf", "__isoc23_strtol", "__isoc23_strtoul"],
      "GLIBC_2.2.5",
    ],
    ["arm64", ["__isoc23_strtol", "__isoc23_strtoul"], "GLIBC_2.17"],
  ] as const) {
    const original = originals[arch];
    const plain = aliases.map((alias) => alias.slice("__isoc23_".length));

    describe(`in the engine for Linux on ${arch}`, () => {
      let patched: Buffer;
      let replaced: string[];
      before(() => {
        patched = Buffer.from(original);
        replaced = replaceC23Aliases(patched);
      });

      it("are replaced by the plain names, and named in the result", () => {
        expect(replaced).to.have.members(aliases);
        expect([...importsOf(original).keys()].filter(isAlias)).to.have.members(
          aliases,
        );
        expect([...importsOf(patched).keys()].filter(isAlias)).to.deep.equal(
          [],
        );
        expect([...importsOf(patched).keys()]).to.include.members(plain);
      });

      it("get the version that malloc has", () => {
        const imports = importsOf(patched);
        for (const name of plain)
          expect(imports.get(name), name).to.equal(
            importsOf(original).get("malloc"),
          );
      });

      it("are gone: a second run finds none", () => {
        expect(replaceC23Aliases(Buffer.from(patched))).to.deep.equal([]);
      });

      it("change a few bytes of the symbols, their versions and the needed version, and no others", () => {
        const { dynsym, versym, verneed } = layoutOf(original);
        const changed: number[] = [];
        for (let at = 0; at < original.length; at++)
          if (original[at] !== patched[at]) changed.push(at);
        const within = ({ start, end }: Area): number =>
          changed.filter((at) => at >= start && at < end).length;
        expect(within(dynsym)).to.be.within(aliases.length, aliases.length * 4);
        expect(within(versym)).to.be.within(aliases.length, aliases.length * 2);
        expect(within(verneed)).to.equal(1);
        expect(changed.length).to.equal(
          within(dynsym) + within(versym) + within(verneed),
        );
      });

      (hasReadelf ? it : it.skip)(
        `ask for ${base}, and for 2.38 only weakly, in the eyes of readelf (skipped where it is missing)`,
        () => {
          const report = readelf(patched);
          for (const name of plain)
            expect(report).to.match(
              new RegExp(` ${name}@${base.replaceAll(".", "\\.")} `),
            );
          expect(report).to.not.include("@GLIBC_2.38");
          expect(report).to.match(/GLIBC_2\.38 +Flags: WEAK /);
        },
      );
    });
  }

  it("are replaced also when bytes follow the file", () => {
    expect(
      replaceC23Aliases(Buffer.concat([x64, Buffer.from("trailer")])),
    ).to.have.length(3);
  });

  describe("in a truncated file", () => {
    const spread = (end: number): number[] =>
      Array.from({ length: 60 }, (_, i) => Math.floor((i * end) / 60));
    const edges = Object.values(layout).flatMap(({ start, end }: Area) =>
      [start, end].flatMap((at) => [at - 1, at, at + 1]),
    );

    it("are refused at every length, for the section table comes last", () => {
      const end = layout.table.end - 20; // the last entry's alignment and entry size are not read
      for (const length of [
        0,
        1,
        15,
        63,
        64,
        end - 1,
        ...spread(end),
        ...edges,
      ].filter((at) => at >= 0 && at < end))
        expect(
          attempt(Buffer.from(x64.subarray(0, length))),
          `${length} bytes`,
        ).to.be.instanceOf(UnknownAddonError);
    });

    it("are replaced only when all that is needed is there, with the section table moved to the front", () => {
      const moved = Buffer.from(x64);
      // over program headers, which the rewrite does not read
      x64.copy(moved, 64, layout.table.start, layout.table.end);
      moved.writeBigUInt64LE(64n, 0x28);
      // A section behind the end of the file counts as damage, so those that the rewrite does not read go.
      for (
        let at = 64;
        at < 64 + layout.table.end - layout.table.start;
        at += 64
      )
        if (moved.readBigUInt64LE(at + 0x18) > BigInt(layout.verneed.end))
          moved.fill(0, at, at + 64);

      const { end } = layout.verneed;
      for (const length of [
        ...spread(end),
        ...edges.filter((at) => at >= 0 && at < end),
      ])
        expect(
          attempt(Buffer.from(moved.subarray(0, length))),
          `${length} bytes`,
        ).to.be.instanceOf(UnknownAddonError);
      expect(attempt(Buffer.from(moved.subarray(0, end)))).to.have.length(3);
    });
  });

  describe("in a foreign file", () => {
    /** The engine with a change; `text` changes an entry of the string table. */
    const elf = (change: (copy: Buffer) => void) => (): Buffer => {
      const copy = Buffer.from(x64);
      change(copy);
      return copy;
    };
    const text = (from: string, to: string): (() => Buffer) =>
      elf((copy) => copy.write(to, copy.indexOf(`\0${from}\0`) + 1));

    const cases: [title: string, file: () => Buffer, says: RegExp][] = [
      ["an empty file", () => Buffer.alloc(0), /not an ELF file/],
      [
        "a text",
        () => Buffer.from("#!/bin/sh\n".repeat(20)),
        /not an ELF file/,
      ],
      [
        "a PNG",
        () =>
          Buffer.concat([
            Buffer.from("89504e470d0a1a0a", "hex"),
            Buffer.alloc(100),
          ]),
        /not an ELF file/,
      ],
      ["a Mach-O addon", () => binary("darwin_arm64_115"), /not an ELF file/],
      ["a PE addon", () => binary("win32_x64_115"), /not an ELF file/],
      [
        "a 32-bit ELF",
        elf((copy) => copy.writeUInt8(1, 4)),
        /not a 64-bit little-endian/,
      ],
      [
        "a big-endian ELF",
        elf((copy) => copy.writeUInt8(2, 5)),
        /not a 64-bit little-endian/,
      ],
      [
        "an ELF without sections",
        elf((copy) => copy.writeUInt16LE(0, 0x3c)),
        /no section/,
      ],
      [
        "an ELF for RISC-V",
        elf((copy) => copy.writeUInt16LE(243, 18)),
        /neither x86-64 nor AArch64/,
      ],
      [
        "an ELF that lacks the base version",
        text("GLIBC_2.2.5", "GLIBC_2.2.4"),
        /does not need GLIBC_2\.2\.5/,
      ],
      [
        "an ELF that needs an older glibc",
        text("GLIBC_2.38", "GLIBC_2.37"),
        /does not need GLIBC_2\.38/,
      ],
      [
        "an ELF that needs another symbol of 2.38",
        text("__isoc23_strtol", "__isoc99_strtol"),
        /it needs __isoc99_strtol of GLIBC_2\.38/,
      ],
    ];
    const libc =
      existsSync("/proc/self/maps") &&
      /\/\S+\/libc\.so\.6$/m.exec(
        readFileSync("/proc/self/maps", "latin1"),
      )?.[0];
    if (libc)
      cases.push([
        "the C library of this machine",
        () => readFileSync(libc),
        /does not need GLIBC_2\.38 of libc\.so\.6/,
      ]);
    for (const [title, file, says] of cases)
      it(`are refused: ${title}`, () => {
        const result = attempt(file());
        expect(result).to.be.instanceOf(UnknownAddonError);
        expect(String(result)).to.match(says);
      });
  });

  it("are refused or replaced, quickly, in 2,000 damaged files", function () {
    this.timeout(60_000);
    const random = generator(20_57);
    const below = (limit: number): number => Math.floor(random() * limit);
    const areas = [layout.header, layout.table, layout.versym, layout.verneed];
    const copy = Buffer.from(x64);
    for (let round = 0; round < 2_000; round++) {
      x64.copy(copy);
      const { start, end } = areas[round % areas.length]!;
      const at = start + below(end - start - 8);
      if (below(2))
        copy.writeUInt32LE(below(x64.length), at & ~3); // a pointer that stays within the file
      else for (let i = below(8); i >= 0; i--) copy[at + i] = below(256);
      const began = performance.now();
      const result = attempt(copy);
      const what = `round ${round}, byte ${at}`;
      if (!Array.isArray(result))
        expect(result, what).to.be.instanceOf(UnknownAddonError);
      expect(performance.now() - began, what).to.be.below(1_000);
    }
  });
});

/** The names it replaced, or what it threw. */
function attempt(addon: Buffer): unknown {
  try {
    return replaceC23Aliases(addon);
  } catch (error) {
    return error;
  }
}

function layoutOf(elf: Buffer): Layout {
  const start = Number(elf.readBigUInt64LE(0x28));
  const end = start + elf.readUInt16LE(0x3c) * 64;
  const area = (header: number): Area => {
    const offset = Number(elf.readBigUInt64LE(header + 24));
    return {
      start: offset,
      end: offset + Number(elf.readBigUInt64LE(header + 32)),
    };
  };
  const headers = Array.from(
    { length: (end - start) / 64 },
    (_, i) => start + i * 64,
  );
  const ofType = (type: number): number =>
    headers.find((header) => elf.readUInt32LE(header + 4) === type)!;
  return {
    header: { start: 0, end: 64 },
    table: { start, end },
    dynsym: area(ofType(11)),
    dynstr: area(headers[elf.readUInt32LE(ofType(11) + 40)]!),
    versym: area(ofType(0x6fffffff)),
    verneed: area(ofType(0x6ffffffe)),
  };
}

/** The undefined symbols of the file, each with the index of its version. */
function importsOf(elf: Buffer): Map<string, number> {
  const { dynsym, dynstr, versym } = layoutOf(elf);
  const imports = new Map<string, number>();
  for (let at = dynsym.start, i = 0; at < dynsym.end; at += 24, i++) {
    const name = dynstr.start + elf.readUInt32LE(at);
    if (elf.readUInt16LE(at + 6) === 0)
      imports.set(
        elf.toString("latin1", name, elf.indexOf(0, name)),
        elf.readUInt16LE(versym.start + i * 2),
      );
  }
  return imports;
}

function readelf(elf: Buffer): string {
  const temporary = mkdtempSync(join(tmpdir(), "eddy-test-"));
  try {
    writeFileSync(join(temporary, "addon.node"), elf);
    const { stdout } = spawnSync(
      "readelf",
      ["--dyn-syms", "-V", "-W", join(temporary, "addon.node")],
      {
        encoding: "utf8",
        maxBuffer: 1 << 26,
      },
    );
    return stdout;
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** Mulberry32: the same numbers on every run. */
function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
