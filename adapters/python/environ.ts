/**
 * The environ of a request (PEP 3333, "environ Variables"; RFC 3875, section 4.1) as one string: name NUL value NUL …
 *
 * Hot path: the string is put together as it is sent, without an object of variables in between.
 */
import {
  fieldsFor,
  HOP_BY_HOP,
  HttpError,
  type Call,
  type GatewayRequest,
} from "../../lib/adapter.ts";
import {
  CERTIFICATE_VARIABLES,
  CGI_VARIABLES,
  cgiName,
  joinValues,
  toNative,
  type ShownCertificate,
} from "../common/cgi.ts";

const { PATH_INFO, SCRIPT_NAME, SERVER_NAME, SERVER_PORT } = CGI_VARIABLES;

const certificate = (shown: ShownCertificate): string =>
  Object.entries(CERTIFICATE_VARIABLES)
    .map(([name, make]) => `\0${name}\0${make(shown)}`)
    .join("");

/** Fields without a variable. Many client libraries look for their proxy in HTTP_PROXY. */
const DROPPED = [...HOP_BY_HOP, "expect", "proxy"];

/** Names of fields that are remembered. Some hundred are in use, and a client can make up any number. */
const MAX_NAMES = 1000;

export class EnvironWriter {
  /** From the name of a field to its variable between NULs, which is empty for a field that is dropped. */
  readonly #names = new Map(DROPPED.map((name) => [name, ""]));

  /** Most clients ask for the same host. */
  #lastServer = { host: "", scheme: "", variables: "" };

  /**
   * A character for each byte.
   *
   * @throws {HttpError} 400 for a path with a NUL, which would end the variable, and no application expects.
   */
  write(request: GatewayRequest, bodyLength?: number, call?: Call): string {
    const { method, queryString, mountPath, path, scheme, deadline } = request;
    const { protocol, peerCertificate } = request;
    const pathInfo = PATH_INFO(request);
    if (pathInfo.includes("\0"))
      throw new HttpError(400, "there is a NUL in the path");
    const uri = mountPath + path + (queryString && `?${queryString}`);
    let text = `\0QUERY_STRING\0${queryString}\0REQUEST_URI\0${uri}${this.#server(request)}`;
    text += this.#fields(fieldsFor(call, request.headers.raw));
    if (protocol !== "HTTP/1.1") text += `\0SERVER_PROTOCOL\0${protocol}`;
    if (scheme === "https") text += "\0wsgi.url_scheme\0https\0HTTPS\0on";
    if (deadline !== undefined) text += `\0eddy.deadline\0${deadline / 1000}`;
    if (bodyLength !== undefined) text += `\0CONTENT_LENGTH\0${bodyLength}`;
    return (
      `REQUEST_METHOD\0${method}\0SCRIPT_NAME\0${SCRIPT_NAME(request)}` +
      `\0PATH_INFO\0${pathInfo}\0REMOTE_ADDR\0${request.remoteAddress}` +
      toNative(text) +
      (peerCertificate === undefined ? "" : certificate(peerCertificate))
    );
  }

  #server(request: GatewayRequest): string {
    const { host, scheme } = request;
    const last = this.#lastServer;
    if (last.host === host && last.scheme === scheme) return last.variables;
    const variables = `\0SERVER_NAME\0${SERVER_NAME(request)}\0SERVER_PORT\0${SERVER_PORT(request)}`;
    this.#lastServer = { host, scheme, variables };
    return variables;
  }

  #fields(raw: readonly string[]): string {
    const fields = eachOnce(raw);
    let text = "";
    for (let i = 0; i < fields.length; i += 2) {
      const variable = this.#variable(fields[i]!);
      if (variable !== "") text += variable + fields[i + 1]!;
    }
    return text;
  }

  #variable(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    // "x_user" would pass for "x-user", which a proxy in front may have checked
    const variable = name.includes("_") ? "" : `\0${cgiName(name)}\0`;
    if (this.#names.size < MAX_NAMES) this.#names.set(name, variable);
    return variable;
  }
}

/** The fields with each name once. */
function eachOnce(raw: readonly string[]): readonly string[] {
  for (let i = 2; i < raw.length; i += 2)
    for (let j = 0; j < i; j += 2) if (raw[j] === raw[i]) return joined(raw);
  return raw;
}

function joined(raw: readonly string[]): string[] {
  const fields = new Map<string, string>();
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    fields.set(name, joinValues(name, fields.get(name), raw[i + 1]!));
  }
  return [...fields].flat();
}
