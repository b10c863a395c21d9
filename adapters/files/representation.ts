/** A file as it is sent: its header fields, and its bytes where they are kept. */
import type { Stats } from "node:fs";
import { contentType } from "mime-types";
import { basename } from "node:path";
import { CheckedHeaders, type GatewayResponse } from "../../lib/adapter.ts";
import { OpenFile } from "../common/file-pieces.ts";
import type { FilesSettings } from "./options.ts";
import type { Validators } from "./conditions.ts";

export type Field = readonly [name: string, value: string];

/** Where a representation is, as the file system had it. */
export interface Place {
  /** Below the folder, with a slash in front: what it is of. */
  readonly name: string;
  /** Without links: what is opened. */
  readonly path: string;
  /** `br`, `gzip`, `zstd`; undefined for the file as it is. */
  readonly encoding: string | undefined;
  /** There are others of the same file. */
  readonly varies: boolean;
}

/** An inode that has not been written to since. */
export const isSame = (a: Stats, b: Stats): boolean =>
  a.ino === b.ino &&
  a.size === b.size &&
  a.mtimeMs === b.mtimeMs &&
  a.dev === b.dev;

export class Representation implements Validators {
  readonly place: Place;
  readonly stats: Stats;
  readonly etag: string;
  readonly lastModified: number;
  readonly fields: readonly Field[];
  readonly headers: CheckedHeaders;
  /** All of it, if it is kept. */
  readonly bytes: Uint8Array | undefined;
  /** The reply to who asks for all of it; where it is kept, as there is one of it then. */
  readonly whole: GatewayResponse | undefined;

  /** @throws {InvalidReplyError} for header fields of the user's that are none. */
  constructor(
    place: Place,
    stats: Stats,
    settings: FilesSettings,
    bytes?: Uint8Array,
  ) {
    this.place = place;
    this.stats = stats;
    this.bytes = bytes;
    this.lastModified = Math.floor(stats.mtimeMs / 1000) * 1000;
    this.etag = etagOf(stats, place.encoding);
    this.fields = this.#fields(settings);
    this.headers = new CheckedHeaders(this.fields);
    this.whole = bytes && { headers: this.headers, body: bytes };
  }

  get size(): number {
    return this.stats.size;
  }

  /** RFC 9110, section 15.4.5: what a cache needs to go on with what it has. */
  get unchanged(): GatewayResponse {
    const fields = this.fields.filter(([name]) => !OF_CONTENT.test(name));
    return { status: 304, headers: fields };
  }

  /**
   * The user's fields replace those of the same name here.
   *
   * Text in HTML names the other files, which may have names of their own for each version: so it is what is asked for
   * anew each time, however long they are kept.
   */
  #fields({ headers, cacheControl }: FilesSettings): Field[] {
    const { name, encoding, varies } = this.place;
    const type = contentType(basename(name)) || "application/octet-stream";
    const own: Field[] = [
      ["content-type", type],
      ["etag", this.etag],
      ["last-modified", new Date(this.lastModified).toUTCString()],
      [
        "cache-control",
        type.startsWith("text/html") ? "no-cache" : cacheControl,
      ],
      ["accept-ranges", "bytes"],
      ["x-content-type-options", "nosniff"],
    ];
    if (encoding !== undefined) own.push(["content-encoding", encoding]);
    if (varies) own.push(["vary", "accept-encoding"]);
    const further = Object.entries(headers(name));
    const replaced = new Set(further.map(([name]) => name.toLowerCase()));
    return [...own.filter(([name]) => !replaced.has(name)), ...further];
  }
}

const OF_CONTENT = /^(?:content-|accept-ranges$)/i;

/**
 * Weak: whoever writes a file twice within a tick of the clock, or sets its time, makes another file of the same tag.
 */
function etagOf({ size, mtimeMs }: Stats, encoding = ""): string {
  const time = Math.floor(mtimeMs).toString(36);
  return `W/"${size.toString(36)}-${time}${encoding && `-${encoding}`}"`;
}

/**
 * What is at a place now, with its bytes if they are few enough to be kept.
 *
 * @throws what the system says is in the way.
 */
export function represent(
  place: Place,
  settings: FilesSettings,
): Representation {
  const file = new OpenFile(place.path);
  try {
    const { size } = file.stats;
    if (size > settings.maxCachedFileBytes)
      return new Representation(place, file.stats, settings);
    const bytes = Buffer.allocUnsafeSlow(size);
    file.read(bytes, 0);
    file.checkUnchanged();
    return new Representation(place, file.stats, settings, bytes);
  } finally {
    file.close();
  }
}
