/** What a request says before its body, as text between NULs, of which Python makes a scope: eddy_worker/asgi.py. */
import {
  fieldsFor,
  offeredProtocols,
  sendsExtras,
  type Call,
  type GatewayRequest,
} from "../../../lib/adapter.ts";
import { CGI_VARIABLES, toNative } from "../../common/cgi.ts";

const { SCRIPT_NAME, SERVER_NAME, SERVER_PORT } = CGI_VARIABLES;

export class ScopeWriter {
  /** Most requests are for the same host, and begin with the same words. */
  #last = {
    type: "",
    protocol: "",
    scheme: "",
    host: "",
    mount: "",
    extras: false,
    text: "",
  };

  /** A character for each byte. */
  write(
    request: GatewayRequest,
    type: "http" | "websocket",
    call?: Call,
  ): string {
    const { method, mountPath, path, queryString, deadline } = request;
    const [first, target] = [this.#common(request, type), mountPath + path];
    const second =
      type === "http" ? method : [...offeredProtocols(request)].join(",");
    const until = deadline === undefined ? "" : String(deadline / 1000);
    let text = `${second}\0${target}\0${queryString}\0${request.remoteAddress}\0${until}`;
    const raw = fieldsFor(call, request.headers.raw);
    for (let i = 0; i < raw.length; i += 2)
      text += `\0${raw[i]!}\0${raw[i + 1]!}`;
    return `${first}\0${toNative(text)}`;
  }

  #common(request: GatewayRequest, type: string): string {
    const { protocol, scheme, host, mountPath: mount } = request;
    const extras = sendsExtras(request);
    const last = this.#last;
    if (
      last.host === host &&
      last.type === type &&
      last.mount === mount &&
      last.scheme === scheme &&
      last.protocol === protocol &&
      last.extras === extras
    )
      return last.text;
    const text = [
      type,
      protocol.replace(/^HTTP\/(?:(2)\.0)?/, "$1"),
      type === "http" ? scheme : scheme.replace("http", "ws"),
      SERVER_NAME(request),
      SERVER_PORT(request),
      extras ? "extras" : "",
      SCRIPT_NAME(request),
    ].join("\n");
    this.#last = { type, protocol, scheme, host, mount, extras, text };
    return text;
  }
}
