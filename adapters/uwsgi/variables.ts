/** A request as the variables that nginx's `uwsgi_params` sends, and no others. */
import { addHeaders, CGI_VARIABLES, toNative } from "../common/cgi.ts";
import { HOP_BY_HOP, type GatewayRequest } from "../../lib/adapter.ts";
import { endToEnd } from "../../lib/upstream.ts";

/**
 * `Expect` is answered here; `HTTP_PROXY` is the name of a setting in the environment of many programs
 * (CVE-2016-5385).
 */
const DROPPED = new Set([...HOP_BY_HOP, "expect", "proxy"]);

/** `bodyLength`: as the upstream gets it; undefined without a body. */
export function variablesOf(
  request: GatewayRequest,
  bodyLength: number | undefined,
): Record<string, string> {
  const { mountPath, path, queryString, scheme, headers } = request;
  const variables: Record<string, string> = {};
  for (const [name, make] of Object.entries(CGI_VARIABLES))
    variables[name] = make(request);
  const query = queryString === "" ? "" : `?${queryString}`;
  variables["REQUEST_URI"] = toNative(`${mountPath}${path}${query}`);
  variables["REQUEST_SCHEME"] = scheme;
  if (scheme === "https") variables["HTTPS"] = "on";
  addHeaders(variables, endToEnd(headers.raw, DROPPED));
  variables["CONTENT_TYPE"] ??= "";
  variables["CONTENT_LENGTH"] =
    bodyLength === undefined ? "" : String(bodyLength);
  return variables;
}
