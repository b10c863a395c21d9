/** A request as the variables that nginx's `uwsgi_params` sends, and no others. */
import { addHeaders, CGI_VARIABLES, toNative } from "../common/cgi.ts";
import type { GatewayRequest } from "../../lib/adapter.ts";
import { endToEnd } from "../../lib/upstream.ts";

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
  addHeaders(variables, withoutProxy(endToEnd(headers.raw)));
  variables["CONTENT_TYPE"] ??= "";
  variables["CONTENT_LENGTH"] =
    bodyLength === undefined ? "" : String(bodyLength);
  return variables;
}

/** `HTTP_PROXY` is the name of a setting in the environment of many programs (CVE-2016-5385); `Expect` is answered here. */
function withoutProxy(raw: readonly string[]): string[] {
  return raw.filter((_, i) => {
    const name = raw[i - (i % 2)]!;
    return name !== "proxy" && name !== "expect";
  });
}
