/** What browsers send of user names and passwords (RFC 7617). */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Of the field Authorization. Undefined where it is of another kind, or none. */
export function credentialsIn(
  authorization: string | null | undefined,
): [user: string, password: string] | undefined {
  const [, token] = /^basic +([\w+/=-]+) *$/i.exec(authorization ?? "") ?? [];
  if (token === undefined) return undefined;
  const text = Buffer.from(token, "base64").toString();
  const colon = text.indexOf(":");
  return colon === -1
    ? undefined
    : [text.slice(0, colon), text.slice(colon + 1)];
}

/** The field that asks for them. */
export const challenge = (realm: string) => ({
  "www-authenticate": `Basic realm="${realm.replace(/["\\]/g, "\\$&")}", charset="UTF-8"`,
});

/**
 * Tells who has the password of a user, in a time that does not tell how much of one is right, nor whether there is
 * such a user: of equal length whatever is compared, and under a key that nobody knows.
 */
export function comparing(
  users: Readonly<Record<string, string>>,
): (user: string, password: string) => boolean {
  const key = randomBytes(32);
  const digest = (text: string): Buffer =>
    createHmac("sha256", key).update(text).digest();
  const digests = new Map(
    Object.entries(users).map(([user, password]) => [user, digest(password)]),
  );
  const nobodys = randomBytes(32);
  return (user, password) =>
    timingSafeEqual(digests.get(user) ?? nobodys, digest(password));
}
