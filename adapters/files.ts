/** The files of a folder. */
import {
  MethodNotAllowedError,
  NotFoundError,
  type GatewayRequest,
  type GatewayResponse,
  type Handler,
} from "../lib/adapter.ts";
import { FilePieces, OpenFile } from "./common/file-pieces.ts";
import { answer, inMemory } from "./files/answer.ts";
import { isConditional } from "./files/conditions.ts";
import { Folder, readable } from "./files/folder.ts";
import { collapsed, nameOf } from "./files/name.ts";
import {
  filesSettings,
  type FilesOptions,
  type FilesSettings,
} from "./files/options.ts";
import { isSame, Representation } from "./files/representation.ts";

export type { FilesOptions };

/**
 * The files of `folder`, to be mounted: by their paths below the mount, with type, length, tag and time, for GET and
 * HEAD. Clients that have a file already are told so (304), those that go on with a download get the rest (206).
 *
 * A path never leads out of the folder, and neither does a link in it. Files up to 64 KiB are kept in memory, within a
 * limit, and looked at again a second later; larger ones are read as the client takes them. One that changes while it
 * is sent is cut, so that the client sees that it has not got it.
 *
 * Nothing has to be closed. A file that is being sent is closed with its reply, or when the client leaves.
 *
 * @throws {UsageError} for a folder that is not there, an option that does not exist or has a bad value.
 *
 * At a request: {@link NotFoundError} (404), {@link MethodNotAllowedError} (405), {@link HttpError} 403 for what the
 * system does not let it read.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { files } from "eddy/adapters/files";
 *
 * const loop = new Loop();
 * loop.mount("/", files("dist", { fallback: "index.html" }));
 * loop.mount("/assets", files("dist/assets", { immutable: true, precompressed: true }));
 * await loop.listen(8000);
 * ```
 */
export function files(folder: string, options: FilesOptions = {}): Handler {
  const site = new Site(filesSettings(folder, options));
  return (request) => site.reply(request);
}

class Site {
  readonly #settings: FilesSettings;
  readonly #folder: Folder;

  constructor(settings: FilesSettings) {
    this.#settings = settings;
    this.#folder = new Folder(settings);
  }

  /** The fast path: a small file, which the client wants whole, is a look into a table and a reply that is there. */
  reply(request: GatewayRequest): GatewayResponse {
    const { method, path } = request;
    if (method !== "GET" && method !== "HEAD")
      throw new MethodNotAllowedError(["GET", "HEAD"]);
    const name = nameOf(path === "" ? "/" : path, this.#settings.dotfiles);
    if (name === undefined) throw new NotFoundError();
    const { index = "" } = this.#settings;
    const isFolder = name.endsWith("/");
    if (path === "" || (isFolder && index === ""))
      return this.#instead(request, name);
    return (
      this.#send(request, isFolder ? name + index : name) ??
      this.#instead(request, name)
    );
  }

  /** Undefined when there is no such file. */
  #send(request: GatewayRequest, name: string): GatewayResponse | undefined {
    const file = this.#folder.find(name);
    if (file === undefined) return undefined;
    const { headers } = request;
    const chosen = file.plain ?? file.choose(headers.get("accept-encoding"));
    if (chosen.whole !== undefined && !isConditional(headers))
      return chosen.whole;
    return chosen.bytes === undefined
      ? this.#sendOpened(request, chosen)
      : answer(request, chosen, inMemory(chosen.bytes));
  }

  /** Its head says what the file is now, which may be a moment younger than what is known of it. */
  #sendOpened(
    request: GatewayRequest,
    known: Representation,
  ): GatewayResponse | undefined {
    const { place, stats } = known;
    const file = readable(() => new OpenFile(place.path));
    if (file === undefined || !isSame(file.stats, stats))
      this.#folder.forget(place.name);
    if (file === undefined) return undefined;
    let reply: GatewayResponse | undefined;
    try {
      const now = isSame(file.stats, stats)
        ? known
        : new Representation(place, file.stats, this.#settings);
      return (reply = answer(
        request,
        now,
        (parts) => new FilePieces(file, parts),
      ));
    } finally {
      if (!(reply?.body instanceof FilePieces)) file.close();
    }
  }

  /** A folder's name lacks its slash; or one page is the answer to all that is no file. */
  #instead(request: GatewayRequest, name: string): GatewayResponse {
    if (!name.endsWith("/") || request.path === "") {
      const folder = name === "/" ? "" : name;
      if (this.#folder.hasIndex(folder)) return withSlash(request);
    }
    const { fallback } = this.#settings;
    const isPage = !name.slice(name.lastIndexOf("/")).includes(".");
    const page =
      fallback !== undefined && isPage
        ? this.#send(request, fallback)
        : undefined;
    if (page === undefined) throw new NotFoundError();
    return page;
  }
}

/** With one slash in front, because two would name another host. */
function withSlash(request: GatewayRequest): GatewayResponse {
  const { mountPath, path, queryString } = request;
  const query = queryString === "" ? "" : `?${queryString}`;
  const location = `${collapsed(mountPath + path)}/${query}`;
  return { status: 301, headers: { location }, body: "" };
}
