/** What is in a folder, as it was within the last second; and of the small files, their bytes. */
import { realpathSync, statSync, type Stats } from "node:fs";
import { join, sep } from "node:path";
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import { LRUCache } from "lru-cache";
import Negotiator from "negotiator";
import { HttpError } from "../../lib/adapter.ts";
import type { FilesSettings } from "./options.ts";
import {
  isSame,
  represent,
  type Place,
  type Representation,
} from "./representation.ts";

/** What a file takes beside its bytes, by a generous estimate: many small ones may not fill the memory either. */
const OVERHEAD_BYTES = 2048;

/** By the name of the encoding (RFC 9110, section 8.4.1), what the names of files end in. */
const SIBLINGS = [
  ["br", ".br"],
  ["zstd", ".zst"],
  ["gzip", ".gz"],
] as const;

export class Folder {
  readonly #settings: FilesSettings;
  /** By name. */
  readonly #files: LRUCache<string, FileEntry>;

  constructor(settings: FilesSettings) {
    this.#settings = settings;
    this.#files = new LRUCache({
      maxSize: Math.max(1, Math.floor(settings.maxCacheBytes)),
      sizeCalculation: ({ bytes }) => bytes,
    });
  }

  /**
   * The file of this name, which has to be one that `nameOf` gives. Undefined where there is none, or what is there
   * lies outside of the folder.
   *
   * @throws {HttpError} 403 when it may not be read.
   */
  find(name: string): FileEntry | undefined {
    const kept = this.#files.get(name);
    const now = performance.now();
    if (kept !== undefined && now - kept.checkedAt < this.#settings.recheckMs)
      return kept;
    const found = readable(() => this.#look(name, kept));
    if (found === undefined) {
      if (kept !== undefined) this.#files.delete(name);
      return undefined;
    }
    found.checkedAt = now;
    if (found !== kept) this.#files.set(name, found);
    return found;
  }

  /** It is not what it was: it is looked at when it is asked for again. */
  forget(name: string): void {
    this.#files.delete(name);
  }

  /** There is a folder of this name, and a file that stands for it. */
  hasIndex(name: string): boolean {
    const { index } = this.#settings;
    return index !== undefined && this.find(`${name}/${index}`) !== undefined;
  }

  #look(name: string, kept: FileEntry | undefined): FileEntry | undefined {
    const found = this.#locate(name);
    if (found === undefined) return undefined;
    const siblings = this.#settings.precompressed
      ? SIBLINGS.flatMap(([encoding, ending]) => {
          const at = this.#locate(name + ending);
          return at && at.stats.mtimeMs >= found.stats.mtimeMs
            ? [{ ...at, encoding }]
            : [];
        })
      : [];
    const all = [{ ...found, encoding: undefined }, ...siblings];
    if (kept?.isOf(all)) return kept;
    const varies = siblings.length > 0;
    return new FileEntry(
      all.map(({ path, encoding }) =>
        represent({ name, path, encoding, varies }, this.#settings),
      ),
    );
  }

  /** Where a name leads in the end. The folder may be a link itself, to the newest release for one. */
  #locate(name: string): Located | undefined {
    const { folder } = this.#settings;
    const file = join(folder, name);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats?.isFile()) return undefined;
    const path = realpathSync.native(file);
    if (!path.startsWith(realpathSync.native(folder) + sep)) return undefined;
    return { path, stats };
  }
}

interface Located extends Pick<Place, "path"> {
  readonly stats: Stats;
}

/** A file in all its representations: itself, and those that are compressed. */
class FileEntry {
  /** When it was looked at, as `performance.now()` has it. */
  checkedAt = 0;
  readonly #all: readonly Representation[];
  /** By size: of several that a client likes alike it gets the smallest. */
  readonly #encodings: readonly string[];
  /** For the field that came last: there are few browsers. */
  #lastField: string | undefined;
  #lastChoice: Representation;

  constructor(all: readonly Representation[]) {
    this.#all = all;
    this.#lastChoice = all[0]!;
    this.#encodings = [...all]
      .sort((a, b) => a.size - b.size)
      .flatMap(({ place }) => place.encoding ?? []);
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.#all.reduce(
      (sum, { bytes }) => sum + OVERHEAD_BYTES + (bytes?.length ?? 0),
      0,
    );
  }

  /** There is one representation. */
  get plain(): Representation | undefined {
    return this.#encodings.length === 0 ? this.#all[0] : undefined;
  }

  /** The representation that a client with this field `Accept-Encoding` prefers (RFC 9110, section 12.5.3). */
  choose(field: string | undefined): Representation {
    if (field === this.#lastField) return this.#lastChoice;
    this.#lastField = field;
    return (this.#lastChoice = this.#prefer(field));
  }

  #prefer(field: string | undefined): Representation {
    if (field === undefined) return this.#all[0]!;
    const preferred = this.#encodings;
    const negotiator: unknown = new Negotiator({
      headers: { "accept-encoding": field },
    });
    const [best] = (negotiator as Preferring).encodings(
      [...preferred, "identity"],
      { preferred },
    );
    return (
      this.#all.find(({ place }) => place.encoding === best) ?? this.#all[0]!
    );
  }

  /** Whether it is made of just these. */
  isOf(located: readonly (Located & Pick<Place, "encoding">)[]): boolean {
    return (
      located.length === this.#all.length &&
      this.#all.every(
        ({ place, stats }, i) =>
          place.path === located[i]!.path &&
          place.encoding === located[i]!.encoding &&
          isSame(stats, located[i]!.stats),
      )
    );
  }
}

/** Of Negotiator, what its types lack: what counts where the client does not mind. */
interface Preferring {
  encodings(
    available: readonly string[],
    options: { preferred: readonly string[] },
  ): string[];
}

/** A name that leads nowhere, and none that is too long or goes in circles. */
const NOTHING_THERE = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"]);
const NOT_ALLOWED = new Set(["EACCES", "EPERM"]);

/**
 * What `look` finds; undefined where the system says that nothing is there.
 *
 * @throws {HttpError} 403 where it says that it may not be read, with its words for the log.
 */
export function readable<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (NOTHING_THERE.has(code)) return undefined;
    if (!NOT_ALLOWED.has(code)) throw error;
    throw new HttpError(403, "this file may not be read", { cause: error });
  }
}
