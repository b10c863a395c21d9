/**
 * Rewrites a native addon so that it loads on a glibc older than 2.38.
 *
 * Compilers that see glibc 2.38 headers turn `strtol`, `strtoul` and `sscanf` into `__isoc23_*` aliases, whose only
 * difference is that they accept the C23 prefix `0b`. An addon that needs nothing else of 2.38 runs on any older glibc
 * once it asks for the plain names. This file knows ELF and nothing of uWebSockets.js; it reads and writes one Buffer.
 *
 * Source: System V ABI (ELF-64), chapters 4 and 5; Linux Standard Base Core 5.0, section 10.7 "Symbol Versioning".
 */

const NEW_VERSION = "GLIBC_2.38";
const ALIAS_PREFIX = "__isoc23_";
const LIBC = "libc.so.6";
const WEAK = 2; // VER_FLG_WEAK: the loader warns instead of failing when the version is missing

/** The version every symbol of the architecture's first glibc carries; `e_machine` is the key. */
const BASE_VERSION: Record<number, string> = {
  62: "GLIBC_2.2.5",
  183: "GLIBC_2.17",
};

/** `nobits` (.bss) has a size, but takes no bytes of the file. */
const SECTION = {
  nobits: 8,
  dynsym: 11,
  verneed: 0x6ffffffe,
  versym: 0x6fffffff,
};

interface Section {
  type: number;
  offset: number;
  size: number;
  link: number;
}

/** A version that the addon needs of libc: where its record is and which index symbols name it by. */
interface NeededVersion {
  at: number;
  index: number;
  name: string;
}

/**
 * The addon is not a file this rewrite understands; `message` says what was found. The buffer may be partly changed.
 */
export class UnknownAddonError extends Error {
  override name = "UnknownAddonError";
}

/**
 * Makes `addon` ask for the plain names in place of glibc 2.38's `__isoc23_*` aliases. Changes the buffer in place and
 * returns the names it replaced.
 *
 * @throws {UnknownAddonError} when the file is no 64-bit little-endian ELF for x86-64 or AArch64, is truncated, does
 * not need glibc 2.38, or needs something else of 2.38 than those aliases (then no rewrite can help).
 *
 * @example
 * ```text
 * const addon = readFileSync("uws_linux_x64_115.node");
 * replaceC23Aliases(addon); // ["__isoc23_sscanf", "__isoc23_strtol", "__isoc23_strtoul"]
 * writeFileSync("patched.node", addon);
 * ```
 */
export function replaceC23Aliases(addon: Buffer): string[] {
  try {
    return rewrite(addon);
  } catch (error) {
    if (error instanceof RangeError)
      throw new UnknownAddonError("the file is truncated or corrupt", {
        cause: error,
      });
    throw error;
  }
}

function rewrite(addon: Buffer): string[] {
  const sections = readSections(addon);
  const find = (type: number): Section =>
    sections.find((section) => section.type === type) ??
    refuse(`it has no section of type 0x${type.toString(16)}`);
  const strings = (section: Section): Section =>
    sections[section.link] ?? refuse("a string table is missing");

  const verneed = find(SECTION.verneed);
  const versions = libcVersions(addon, verneed, strings(verneed));
  const needed = (name: string): NeededVersion =>
    versions.find((version) => version.name === name) ??
    refuse(`it does not need ${name} of ${LIBC}`);
  const newer = needed(NEW_VERSION);
  const base = needed(
    BASE_VERSION[addon.readUInt16LE(18)] ??
      refuse("its processor is neither x86-64 nor AArch64"),
  );

  const dynsym = find(SECTION.dynsym);
  const versym = find(SECTION.versym);
  const names = strings(dynsym);
  const replaced: string[] = [];
  for (let i = 0; i < dynsym.size / 24; i++) {
    const versionAt = versym.offset + i * 2;
    if ((addon.readUInt16LE(versionAt) & 0x7fff) !== newer.index) continue;
    const symbolAt = dynsym.offset + i * 24;
    const nameAt = addon.readUInt32LE(symbolAt);
    const name = readString(addon, names, nameAt);
    if (!name.startsWith(ALIAS_PREFIX))
      refuse(`it needs ${name} of ${NEW_VERSION}`);
    addon.writeUInt32LE(nameAt + ALIAS_PREFIX.length, symbolAt);
    addon.writeUInt16LE(base.index, versionAt);
    replaced.push(name);
  }
  addon.writeUInt16LE(addon.readUInt16LE(newer.at + 4) | WEAK, newer.at + 4);
  return replaced;
}

function readSections(addon: Buffer): Section[] {
  if (addon.length < 64 || addon.readUInt32BE(0) !== 0x7f454c46)
    refuse("it is not an ELF file");
  if (addon[4] !== 2 || addon[5] !== 1)
    refuse("it is not a 64-bit little-endian ELF file");
  const table = readOffset(addon, 0x28);
  const entrySize = addon.readUInt16LE(0x3a);
  const count = addon.readUInt16LE(0x3c);
  return Array.from({ length: count }, (_, i) => {
    const at = table + i * entrySize;
    const type = addon.readUInt32LE(at + 4);
    const link = addon.readUInt32LE(at + 0x28);
    if (type === SECTION.nobits) return { type, offset: 0, size: 0, link };
    const offset = readOffset(addon, at + 0x18);
    return { type, offset, size: readOffset(addon, at + 0x20), link };
  });
}

/** Walks the Verneed list (one entry a library) and the Vernaux list of libc (one entry a version). */
function libcVersions(
  addon: Buffer,
  verneed: Section,
  names: Section,
): NeededVersion[] {
  const versions: NeededVersion[] = [];
  for (const library of linked(addon, verneed.offset)) {
    if (readString(addon, names, addon.readUInt32LE(library + 4)) !== LIBC)
      continue;
    for (const at of linked(addon, library + addon.readUInt32LE(library + 8))) {
      const name = readString(addon, names, addon.readUInt32LE(at + 8));
      versions.push({ at, index: addon.readUInt16LE(at + 6), name });
    }
    break; // one entry a library
  }
  return versions;
}

/**
 * Offsets of the records of a list; each has the distance to the next one at byte 12. Distances only go forward, so
 * it ends.
 */
function* linked(addon: Buffer, first: number): Generator<number> {
  for (let at = first, distance = -1; distance !== 0; at += distance) {
    distance = addon.readUInt32LE(at + 12);
    yield at;
  }
}

function readString(addon: Buffer, table: Section, at: number): string {
  const start = table.offset + at;
  const end = addon.indexOf(0, start);
  if (start >= addon.length || end < 0)
    throw new RangeError("a string runs past the end of the file");
  return addon.toString("latin1", start, end);
}

function readOffset(addon: Buffer, at: number): number {
  const offset = addon.readBigUInt64LE(at);
  if (offset > BigInt(addon.length))
    throw new RangeError("an offset points past the end of the file");
  return Number(offset);
}

function refuse(why: string): never {
  throw new UnknownAddonError(
    `the addon cannot be adapted to this glibc: ${why}`,
  );
}
