/** User names and passwords, asked for by the browser (RFC 7617). */
import {
  challenge,
  comparing,
  credentialsIn,
} from "../common/basic-credentials.ts";
import { checkOptions, type Rule } from "../common/checked-options.ts";
import { HttpError, UsageError } from "../common/errors.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Middleware } from "./compose.ts";

export interface BasicAuthOptions {
  /** Passwords by user, or who decides. */
  users:
    | Readonly<Record<string, string>>
    | ((
        user: string,
        password: string,
        request: GatewayRequest,
      ) => boolean | Promise<boolean>);
  /** What the browser says that the password is for. @default "this site" */
  realm?: string;
}

/** Tells who asks, behind the middleware. */
export interface BasicAuth extends Middleware {
  /** Who has been let in by this. @throws {UsageError} for a request that did not pass it. */
  userOf(request: GatewayRequest): string;
}

const RULES: Record<string, Rule> = {
  users: [
    (value) =>
      typeof value === "function" ||
      (typeof value === "object" &&
        value !== null &&
        Object.values(value).every(
          (it) => typeof it === "string" && it !== "",
        )),
    "passwords by user, or a function",
  ],
  realm: [
    (value) => typeof value === "string" && /^[\x20-\x7e]+$/.test(value),
    "a text of ASCII",
  ],
};

/**
 * Lets in who has a user's password; everybody else gets 401. Passwords are compared in a time that does not tell how
 * much of one is right, nor whether there is such a user. They travel as text: behind TLS only. Against guessing, put
 * `rateLimit` outside of it.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { basicAuth } from "eddy/middleware";
 *
 * const staff = basicAuth({ users: { ada: process.env.ADA_PASSWORD ?? "difference" } });
 *
 * await new Loop()
 *   .use("/admin", staff)
 *   .get("/admin", (request) => `hello ${staff.userOf(request)}\n`)
 *   .listen(8000);
 * ```
 */
export function basicAuth(options: BasicAuthOptions): BasicAuth {
  const { users, realm = "this site" } = checkOptions(
    options,
    RULES,
    "basicAuth()",
  );
  if (users === undefined) throw new UsageError("basicAuth() needs users");
  const isRight = typeof users === "function" ? users : comparing(users);
  const headers = challenge(realm);
  const known = new WeakMap<GatewayRequest, string>();
  const refuse = (): never => {
    throw new HttpError(401, "a user name and a password are needed here", {
      headers,
    });
  };
  const middleware: Middleware = (request, next) => {
    const given = credentialsIn(request.headers.get("authorization"));
    if (given === undefined) return refuse();
    const [user, password] = given;
    const admit = (isUser: boolean) => {
      if (isUser !== true) return refuse(); // whatever JavaScript makes of it
      known.set(request, user);
      return next();
    };
    const answer = isRight(user, password, request);
    return typeof answer === "object" ? answer.then(admit) : admit(answer);
  };
  return Object.assign(middleware, {
    userOf(request: GatewayRequest): string {
      const user = known.get(request);
      if (user !== undefined) return user;
      throw new UsageError("this request did not pass basicAuth()");
    },
  });
}
