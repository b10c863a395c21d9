/** Tests of the suites that pass on node:http and not on a loop, and why. docs/node.md has the reasons as a table. */

/** By suite: titles, and the reason. */
export const EXPECTED: Readonly<
  Record<string, readonly (readonly [title: RegExp, why: string])[]>
> = {
  express: [
    [/when URL malformed/, "a bad escape in the path is a 400 of eddy's"],
    [
      /^res when accepting (html|text) should (escape|encode) the url/,
      "a Host that is a URL is a 400 of eddy's",
    ],
  ],
  fastify: [
    [/trailer/i, "there are no trailers"],
    [/early hints/, "there are no interim replies"],
    [
      /client ?error|Unknown method|non-numeric content-length/i,
      "what is no valid request never arrives: the engine answers it",
    ],
    [/^close\.test/, "connections are the loop's, and so is their end"],
    [
      /onTimeout|socket\._meta|timeout listener/,
      "of the time limits of an http.Server",
    ],
    [/req\.socket/, "there is no raw connection"],
    [
      /in-stream error|when writeHead throws/,
      "a response that is destroyed before its first byte is a 500, and no cut",
    ],
  ],
};
