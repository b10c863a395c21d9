/** From the path of a request to the name of a file below a folder. */

/**
 * The name, with a slash in front and as the file system has it; undefined for what can be none, or would lead
 * elsewhere: `..`, a backslash, NUL, an escaped slash; and a dotfile, unless those are served. `/.well-known` always is
 * (RFC 8615).
 */
export function nameOf(path: string, dotfiles: boolean): string | undefined {
  const name = path.includes("%") ? decoded(path) : path;
  if (name === undefined || NO_NAME.test(name)) return undefined;
  if (!dotfiles && DOTFILE.test(name)) return undefined;
  return collapsed(name);
}

/** With one slash where there are several: as the file system has it, and no other host's name (`//example.org`). */
export const collapsed = (path: string): string =>
  path.includes("//") ? path.replaceAll(/\/{2,}/g, "/") : path;

// oxlint-disable-next-line no-control-regex
const NO_NAME = /^(?!\/)|[\0\\]|\/\.{1,2}(?:\/|$)/;
const DOTFILE = /\/\.(?!(?<=^\/\.)well-known(?:\/|$))/;

/** An escaped separator would be part of a name, and no file has one in its name. */
function decoded(path: string): string | undefined {
  if (/%(?:2f|5c|00)/i.test(path)) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined; // bytes that are no UTF-8: no name either
  }
}
