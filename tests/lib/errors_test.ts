import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { failed, strerror, withContext } from "../../lib/errors.ts";
import { failedAt } from "../../lib/socket/_failed_at.ts";
import { AddrInfoError } from "../../lib/address/addrinfo_error.ts";

/** A thrown value, and what strerror() returns for it. */
const cases: [thrown: unknown, words: string][] = [
  [new Deno.errors.ConnectionRefused("Connection refused (os error 111)"), "Connection refused"],
  [
    new Deno.errors.NotFound("No such file or directory (os error 2): lstat '/tmp/a'"),
    "No such file or directory",
  ],
  [new Deno.errors.BadResource("Bad resource ID"), "Bad resource ID"],
  [new RangeError("port 70000 is not from 0 to 65535"), "port 70000 is not from 0 to 65535"],
  [
    new Error("of the kind (os error) that has no number"),
    "of the kind (os error) that has no number",
  ],
  [new Deno.errors.Interrupted(), "Interrupted"],
  [new Error(""), "Error"],
  [
    new Deno.errors.NotCapable(
      'Requires net access to "127.0.0.1:7", run again with the --allow-net flag',
    ),
    "permission not granted, requires --allow-net=127.0.0.1:7",
  ],
  [
    new Deno.errors.NotCapable(
      'Requires write access to "/tmp/a b", run again with the --allow-write flag',
    ),
    "permission not granted, requires --allow-write=/tmp/a b",
  ],
  [
    new Deno.errors.NotCapable(
      'Requires net access to "unix:/a"; Requires write access to "/a"; Requires net access to "b:1"',
    ),
    "permission not granted, requires --allow-net=unix:/a,b:1 --allow-write=/a",
  ],
  [new Deno.errors.NotCapable("not today"), "not today"],
  ["a text", "a text"],
  [42, "42"],
  [null, "null"],
  [undefined, "undefined"],
];

Deno.test("strerror() returns the cause", () => {
  for (const [thrown, words] of cases) assertEquals(strerror(thrown), words, String(thrown));
});

Deno.test("failed() prefixes the call to the cause, and keeps the original error", () => {
  for (const [thrown, words] of cases) {
    const error = failed("connect", thrown, "127.0.0.1:7");
    assertEquals(error.message, `connect 127.0.0.1:7: ${words}`);
    assertStrictEquals(error.cause, thrown, error.message);
  }
});

Deno.test("failed() keeps the error class", () => {
  const classes = { ...Deno.errors, Error, RangeError, SyntaxError, TypeError };
  for (const [name, errorClass] of Object.entries(classes)) {
    const error = failed("call", new errorClass("cause"));
    assertStrictEquals(error.constructor, errorClass, name);
    assertEquals(error.name, name);
    assertEquals(error.message, "call: cause", name);
  }
  assertStrictEquals(failed("call", "no error").constructor, Error);
});

Deno.test("failed() carries the call, the address and the code under Node's names", () => {
  const cause = Object.assign(new Deno.errors.AddrInUse("Address already in use (os error 98)"), {
    code: "EADDRINUSE",
  });
  const error = failed("bind", cause, "127.0.0.1:7");
  assertEquals(
    { syscall: error.syscall, address: error.address, code: error.code },
    { syscall: "bind", address: "127.0.0.1:7", code: "EADDRINUSE" },
  );
  assertEquals("address" in failed("accept", cause), false);
  assertEquals("code" in failed("accept", new Error("no code")), false);
});

/** Errors with an unusual constructor, and values that throw when they are inspected. */
const awkward: Record<string, () => [thrown: unknown, words: string]> = {
  "a look-up's error": () => [
    new AddrInfoError("getaddrinfo a", "EAI_NONAME"),
    "getaddrinfo a: Name or service not known",
  ],
  "an AggregateError": () => [
    new AggregateError([new Error("one"), new AggregateError([new Error("two"), 3])]),
    "one; two; 3",
  ],
  "an AggregateError with a message": () => [new AggregateError([], "all failed"), "all failed"],
  "a class whose constructor takes an object": () => {
    class Status extends Error {
      constructor({ status }: { status: { text: string } }) {
        super(`status ${status.text}`);
      }
    }
    return [new Status({ status: { text: "lost" } }), "status lost"];
  },
  "a subclass of one of Deno's": () => {
    class Special extends Deno.errors.TimedOut {
      constructor(readonly parts: string[]) {
        super(parts.join(" "));
      }
    }
    return [new Special(["too", "late"]), "too late"];
  },
  "an abstract constructor": () => [
    Object.assign(new Error("odd"), { constructor: null }),
    "odd",
  ],
  "a message that is not a string": () => [
    Object.assign(new Error(), { message: 7 }),
    "7",
  ],
  "a message that cannot be converted": () => [
    Object.assign(new Error(), { message: { replace: () => Object.create(null), toString: null } }),
    "unknown error",
  ],
  "a name that is a symbol": () => [
    Object.assign(new Error(""), { name: Symbol("name") }),
    "unknown error",
  ],
  "an AggregateError of itself": () => {
    const error = new AggregateError([]);
    error.errors.push(error, error);
    return [error, Array(8).fill("AggregateError").join("; ")];
  },
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable(new Error("gone"), {});
    revoke();
    return [proxy, "unknown error"];
  },
  "a getter that throws": () => [
    Object.defineProperty(new Error("hidden"), "message", {
      get() {
        throw new Error("no");
      },
    }),
    "unknown error",
  ],
  "a code that throws": () => [
    Object.defineProperty(new Error("plain"), "code", {
      get() {
        throw new Error("no");
      },
    }),
    "plain",
  ],
  "an object without a prototype": () => [Object.create(null), "unknown error"],
  "a proxy whose traps throw": () => {
    const fail = () => {
      throw new Error("no");
    };
    const proxy = new Proxy({}, { get: fail, has: fail, getPrototypeOf: fail });
    return [proxy, "unknown error"];
  },
};
for (const [what, make] of Object.entries(awkward)) {
  Deno.test(`failed() creates a plain Error from ${what}`, () => {
    const [thrown, words] = make();
    for (const error of [failed("read", thrown, "a"), withContext("read a", thrown)]) {
      assertStrictEquals(error.constructor, Error);
      assertEquals(error.message, `read a: ${words}`);
      assertStrictEquals(error.cause, thrown);
    }
  });
}

Deno.test("failed() does not change an address that looks like Deno's messages", () => {
  const refused = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  const error = failed("connect", refused, "/tmp/a (os error 1) b");
  assertEquals(strerror(error), "connect /tmp/a (os error 1) b: Connection refused");
  assertEquals(strerror(withContext("c", error)), `c: ${error.message}`);
});

Deno.test("failed() may be applied twice", () => {
  const refused = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  const error = failed("fetch", failed("connect", refused));
  assertEquals(error.message, "fetch: connect: Connection refused");
  assertStrictEquals(error.constructor, Deno.errors.ConnectionRefused);
});

Deno.test({
  name: "strerror() names the flag that grants a missing permission",
  permissions: { net: false, read: false },
  async fn() {
    const refused: [call: () => unknown, flag: string][] = [
      [() => Deno.connect({ hostname: "127.0.0.1", port: 7 }), "--allow-net=127.0.0.1:7"],
      [() => Deno.listen({ hostname: "::1", port: 7 }), "--allow-net=[::1]:7"],
      [() => Deno.connect({ hostname: "name.invalid", port: 7 }), "--allow-net=name.invalid:7"],
      [() => Deno.connect({ transport: "unix", path: "/a" }), "--allow-read=/a"],
    ];
    for (const [call, flag] of refused) {
      const error = await assertRejects(async () => await call(), Deno.errors.NotCapable);
      assertEquals(strerror(error), `permission not granted, requires ${flag}`);
    }
  },
});

Deno.test("failedAt() names the look-up if it failed", () => {
  const address = { transport: "tcp", hostname: "name.invalid", port: 7 } as const;
  const causes: [cause: string, message: string][] = [
    ["Name or service not known", "getaddrinfo name.invalid: Name or service not known"],
    [
      "Temporary failure in name resolution",
      "getaddrinfo name.invalid: Temporary failure in name resolution",
    ],
    // On macOS.
    [
      "nodename nor servname provided, or not known",
      "getaddrinfo name.invalid: Name or service not known",
    ],
  ];
  for (const [cause, message] of causes) {
    const thrown = new Error(`failed to lookup address information: ${cause}`);
    assertEquals(failedAt("connect", address, thrown).message, message);
  }
  const refused = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  const error = failedAt("connect", address, refused);
  assertEquals(error.message, "connect name.invalid:7: Connection refused");
  assertInstanceOf(error, Deno.errors.ConnectionRefused);
});
