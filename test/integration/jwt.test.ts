import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { exportJWK, SignJWT, UnsecuredJWT } from "jose";
import type { SyncError } from "../../server/index.ts";
import { jwt, type JwtOptions } from "../../server/plugins/jwt/index.ts";
import { eventually } from "../support/eventually.ts";
import { codeOf } from "../support/hostile.ts";
import { Stage } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

const SECRET = "a secret of more than thirty-two bytes";
const SECRET_BYTES = new TextEncoder().encode(SECRET);
const NOW = Math.floor(Date.now() / 1_000);
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const EC = generateKeyPairSync("ec", { namedCurve: "P-256" });
const OTHER_RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PEM = RSA.publicKey.export({ type: "spki", format: "pem" }).toString();
const NAMES = { audience: "game", issuer: "https://id.example.com/" };

type Claims = Record<string, unknown>;
const CLAIMS: Claims = { sub: "ann", aud: "game", iss: NAMES.issuer, exp: NOW + 3_600 };

function sign(alg: string, key: KeyObject | Uint8Array, claims: Claims = CLAIMS, header = {}) {
  return new SignJWT(claims).setProtectedHeader({ alg, ...header }).sign(key);
}

/** What `authenticate` makes of it: an identity's id, or the code that it is refused with. */
async function judged(options: JwtOptions, auth: unknown): Promise<unknown> {
  try {
    const { identity } = await jwt(options)({ auth });
    return (identity as { id: unknown }).id;
  } catch (error) {
    return (error as SyncError).code;
  }
}

const base64 = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A token put together by hand, with a signature of HMAC over any key. */
function forge(header: object, claims: object, key?: string | Buffer): string {
  const signed = `${base64(header)}.${base64(claims)}`;
  const mac = key === undefined ? "" : createHmac("sha256", key).update(signed).digest("base64url");
  return `${signed}.${mac}`;
}

describe("tokens signed with a shared secret", () => {
  const options: JwtOptions = { secret: SECRET, ...NAMES };

  test("are taken as they are or in an object, and say who it is and until when", async () => {
    const token = await sign("HS256", SECRET_BYTES);
    for (const auth of [token, { token }]) expect(await judged(options, auth)).toBe("ann");
    expect(await jwt(options)({ auth: token })).toMatchObject({
      identity: { id: "ann", claims: CLAIMS },
      expiresAt: (NOW + 3_600) * 1_000 + 5_000,
    });
    expect(await judged({ secret: SECRET_BYTES }, token)).toBe("ann");
  });

  test.each<[what: string, claims: Claims, code: string]>([
    ["an expired token", { exp: NOW - 60 }, "token_expired"],
    ["a token that is not yet valid", { nbf: NOW + 60 }, "unauthenticated"],
    ["a token without an end", { exp: undefined }, "unauthenticated"],
    ["a token with an end that is no number", { exp: "tomorrow" }, "unauthenticated"],
    ["a token for somebody else", { aud: "other" }, "unauthenticated"],
    ["a token whose audience looks alike", { aud: "game.evil.org" }, "unauthenticated"],
    ["a token for nobody", { aud: undefined }, "unauthenticated"],
    ["a token for a list without this", { aud: ["a", "b"] }, "unauthenticated"],
    ["a token of another issuer", { iss: "https://id.example.com" }, "unauthenticated"],
    ["a token of no issuer", { iss: undefined }, "unauthenticated"],
    ["an expired token for somebody else", { exp: NOW - 60, aud: "other" }, "unauthenticated"],
    ["a token of nobody", { sub: undefined }, "unauthenticated"],
    ["a token of an empty name", { sub: "" }, "unauthenticated"],
  ])("%s is refused", async (_what, claims, code) => {
    const token = forge({ alg: "HS256" }, { ...CLAIMS, ...claims }, SECRET);
    expect(await judged(options, token)).toBe(code);
  });

  test("clocks may differ a little", async () => {
    const late = forge({ alg: "HS256" }, { ...CLAIMS, exp: NOW - 2 }, SECRET);
    const early = forge({ alg: "HS256" }, { ...CLAIMS, nbf: NOW + 2 }, SECRET);
    expect(await judged({ ...options, clockToleranceMs: 60_000 }, late)).toBe("ann");
    expect(await judged({ ...options, clockToleranceMs: 60_000 }, early)).toBe("ann");
    expect(await judged({ ...options, clockToleranceMs: 0 }, late)).toBe("token_expired");
  });
});

const UNSIGNED = new UnsecuredJWT(CLAIMS).encode();
const signedBy = (key: string | Buffer, alg = "HS256") => forge({ alg }, CLAIMS, key);

test.each<[what: string, auth: unknown]>([
  ["nothing", undefined],
  ["null", null],
  ["a number", 7],
  ["an empty text", ""],
  ["an empty object", {}],
  ["an object of something else", { token: { sub: "ann" } }],
  ["a list", [signedBy(SECRET)]],
  ["text that is no token", "hello"],
  ["dots", "..."],
  ["a token that is cut", signedBy(SECRET).slice(0, -2)],
  ["a token without its signature", signedBy(SECRET).replace(/[^.]+$/, "")],
  ["a token with other claims under its signature", withClaims(signedBy(SECRET), { sub: "root" })],
  ["a token of another secret", signedBy("another secret that is as long as the other")],
  ["an unsigned token", UNSIGNED],
  ["an unsigned token spelt oddly", forge({ alg: "nOnE" }, CLAIMS)],
  ["a token without an algorithm", forge({}, CLAIMS, SECRET)],
  ["a token that names none and is signed", forge({ alg: "none" }, CLAIMS, SECRET)],
  ["a token of an algorithm that is not allowed", signedBy(SECRET, "HS384")],
  ["a token with an unknown critical header", critical(signedBy(SECRET))],
  [
    "a token that brings its own key",
    forge({ alg: "HS256", jwk: { kty: "oct", k: "AA" } }, CLAIMS, "A"),
  ],
  [
    "a token that says where its key is",
    forge({ alg: "HS256", jku: "http://evil.org" }, CLAIMS, "A"),
  ],
  ["an encrypted token", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA"],
  ["a token whose claims are no object", `${base64({ alg: "HS256" })}.${base64("7")}.AAAA`],
  ["a megabyte", "a".repeat(1_000_000)],
])("%s is unauthenticated", async (_what, auth) => {
  expect(await judged({ secret: SECRET }, auth)).toBe("unauthenticated");
  expect(await judged({ key: PEM, ...NAMES }, auth)).toBe("unauthenticated");
});

function withClaims(token: string, claims: object): string {
  const [header, , signature] = token.split(".");
  return [header, base64({ ...CLAIMS, ...claims }), signature].join(".");
}

function critical(token: string): string {
  const [, claims] = token.split(".");
  const header = { alg: "HS256", crit: ["custom"], custom: 1 };
  return forge(
    header,
    JSON.parse(Buffer.from(claims ?? "", "base64url").toString()) as object,
    SECRET,
  );
}

describe("tokens signed with a private key", () => {
  test.each([
    ["PEM", PEM],
    ["KeyObject", RSA.publicKey],
    ["JWK", RSA.publicKey.export({ format: "jwk" })],
  ])("are recognised by its public key as %s", async (_kind, key) => {
    expect(await judged({ key, ...NAMES }, await sign("RS256", RSA.privateKey))).toBe("ann");
    const other = await sign("RS256", OTHER_RSA.privateKey);
    expect(await judged({ key, ...NAMES }, other)).toBe("unauthenticated");
  });

  test("are not recognised by the public key as a shared secret, in whatever form", async () => {
    const der = RSA.publicKey.export({ type: "spki", format: "der" });
    for (const secret of [PEM, PEM.trim(), der]) {
      for (const key of [PEM, RSA.publicKey]) {
        expect(await judged({ key, ...NAMES }, signedBy(secret))).toBe("unauthenticated");
      }
    }
  });

  test("are refused when their algorithm does not fit the key, or is not allowed", async () => {
    const ec = await sign("ES256", EC.privateKey);
    expect(await judged({ key: EC.publicKey, ...NAMES }, ec)).toBe("ann");
    expect(await judged({ key: RSA.publicKey, ...NAMES }, ec)).toBe("unauthenticated");
    const only = { key: RSA.publicKey, algorithms: ["PS256"], ...NAMES };
    expect(await judged(only, await sign("RS256", RSA.privateKey))).toBe("unauthenticated");
    expect(await judged(only, await sign("PS256", RSA.privateKey))).toBe("ann");
  });
});

describe("keys that are published", () => {
  async function publish(answer: (response: ServerResponse) => void): Promise<JwtOptions> {
    const { url } = await stage.http((_request, response) => answer(response));
    return { jwksUrl: `${url}/jwks.json`, ...NAMES };
  }

  test("are fetched, and tokens are recognised by the one that they name", async () => {
    const keys = [
      { ...(await exportJWK(RSA.publicKey)), kid: "a", alg: "RS256", use: "sig" },
      { ...(await exportJWK(EC.publicKey)), kid: "b", alg: "ES256", use: "sig" },
    ];
    const options = await publish((response) => response.end(JSON.stringify({ keys })));
    const authenticate = jwt(options);
    const idOf = async (token: string) =>
      (await authenticate({ auth: token })).identity as { id: string };
    expect(await idOf(await sign("RS256", RSA.privateKey, CLAIMS, { kid: "a" }))).toMatchObject({
      id: "ann",
    });
    expect(await idOf(await sign("ES256", EC.privateKey, CLAIMS, { kid: "b" }))).toMatchObject({
      id: "ann",
    });
    const strange = await sign("RS256", OTHER_RSA.privateKey, CLAIMS, { kid: "c" });
    expect(await judged(options, strange)).toBe("unauthenticated");
    const swapped = await sign("RS256", OTHER_RSA.privateKey, CLAIMS, { kid: "a" });
    expect(await judged(options, swapped)).toBe("unauthenticated");
    expect(await judged(options, signedBy(PEM))).toBe("unauthenticated");
  });

  test.each<[what: string, answer: (response: ServerResponse) => void]>([
    ["an error", (response) => response.writeHead(500).end()],
    ["no JSON", (response) => response.end("<html>")],
    ["no keys", (response) => response.end("{}")],
    ["nothing at all", (response) => response.destroy()],
  ])(
    "that cannot be had because the answer is %s do not make a token a bad one",
    async (_what, answer) => {
      const options = await publish(answer);
      expect(await judged(options, await sign("RS256", RSA.privateKey))).toBe("unavailable");
    },
  );

  test("that cannot be had are told to the server, and the client tries again until they can", async () => {
    let isUp = false;
    const keys = [await exportJWK(RSA.publicKey)];
    const options = await publish((response) => {
      if (isUp) response.end(JSON.stringify({ keys }));
      else response.writeHead(503).end();
    });
    const { sync, url } = await stage.serve({ authenticate: jwt(options) });
    const errors: SyncError[] = [];
    sync.on("error", (error) => errors.push(error));
    const client = stage.client(url, { auth: await sign("RS256", RSA.privateKey) });
    await eventually(() => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: "handler_failed", cause: { code: "unavailable" } });
    isUp = true;
    await client.whenSynced();
  });
});

test("a session ends with its token, and goes on with the next", async () => {
  const authenticate = jwt({ secret: SECRET, clockToleranceMs: 0 });
  const { sync, url } = await stage.serve({ authenticate });
  const reasons: (string | undefined)[] = [];
  let asked = 0;
  const auth = async () => {
    const exp = Date.now() / 1_000 + (++asked === 1 ? 0.4 : 60);
    return { token: await sign("HS256", SECRET_BYTES, { sub: "ann", exp }) };
  };
  const client = await stage.join(url, { auth });
  client.on("disconnect", (reason) => reasons.push(reason?.code));
  await eventually(() => asked === 2 && client.status === "synced");
  await client.create({ id: "tree" });
  expect([reasons, sync.get("tree")]).toEqual([["token_expired"], { id: "tree" }]);
});

test.each<[options: unknown, property: string]>([
  [{}, "secret"],
  [{ secret: SECRET, key: PEM }, "secret"],
  [{ secret: "too short" }, "secret"],
  [{ secret: new Uint8Array(31) }, "secret"],
  [{ secret: 7 }, "secret"],
  [{ key: "no key", ...NAMES }, "key"],
  [{ key: {}, ...NAMES }, "key"],
  [{ key: PEM, issuer: "me" }, "audience"],
  [{ key: PEM, audience: "me" }, "issuer"],
  [{ jwksUrl: "not a url", ...NAMES }, "jwksUrl"],
  [{ key: PEM, ...NAMES, algorithms: ["HS256"] }, "algorithms"],
  [{ key: PEM, ...NAMES, algorithms: ["none"] }, "algorithms"],
  [{ key: PEM, ...NAMES, algorithms: [] }, "algorithms"],
  [{ secret: SECRET, algorithms: ["RS256"] }, "algorithms"],
  [{ secret: SECRET, audience: "" }, "audience"],
  [{ secret: SECRET, issuer: [] }, "issuer"],
  [{ secret: SECRET, clockToleranceMs: -1 }, "clockToleranceMs"],
  [{ secret: SECRET, clockToleranceMs: Number.NaN }, "clockToleranceMs"],
  [{ secret: SECRET, identity: "sub" }, "identity"],
  [{ secret: SECRET, expires: 1 }, "expires"],
])("the options of case %# are refused, naming one", (options, property) => {
  expect(codeOf(() => jwt(options as JwtOptions))).toBe("bad_option");
  expect(() => jwt(options as JwtOptions)).toThrow(expect.objectContaining({ property }));
});

test("a private key serves as its public one", async () => {
  const pem = RSA.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const token = await sign("RS256", createPrivateKey(pem));
  expect(await judged({ key: pem, ...NAMES }, token)).toBe("ann");
});

test("an application says who a token's bearer is", async () => {
  const identity = (claims: { readonly [name: string]: unknown }): unknown => ({
    id: claims["user"],
  });
  const token = forge({ alg: "HS256" }, { user: 7, exp: NOW + 60 }, SECRET);
  expect(await judged({ secret: SECRET, identity }, token)).toBe(7);
});
