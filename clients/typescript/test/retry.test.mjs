import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, DoorwardError, UnexpectedResponse, unwrap } from "../dist/index.js";
import { newUser, password, proxy } from "./server.mjs";

/** A problem as a response, with `Retry-After` if it is given. */
function problem(status, code, retryAfter) {
  const headers = { "Content-Type": "application/problem+json", ...(retryAfter && { "Retry-After": retryAfter }) };
  return { status, headers, body: JSON.stringify({ code, status, title: code, detail: code, request_id: "1", type: "about:blank" }) };
}

const once = (request, fault) => (seen, times) => (seen === request && times === 1 ? fault : undefined);
const always = (request, fault) => (seen) => (seen === request ? fault : undefined);

for (const fault of ["drop", "lose", { status: 502 }, problem(503, "outcome-unknown", "0")]) {
  test(`a read is repeated after ${JSON.stringify(fault).slice(0, 60)}`, async () => {
    const through = await proxy(once("GET /", fault));
    const { data } = await createClient({ url: through.url }).GET("/");
    assert.equal(data.name, "Doorward");
    assert.equal(through.count("GET /"), 2);
  });
}

for (const fault of [problem(503, "overloaded", "0"), problem(503, "store-unavailable"), problem(429, "too-many-attempts", "0")]) {
  test(`a write is repeated after ${JSON.parse(fault.body).code}, since nothing was changed`, async () => {
    const through = await proxy(once("POST /user", fault));
    const body = { username: `ann-${JSON.parse(fault.body).code}`, password };
    const user = await unwrap(createClient({ url: through.url }).POST("/user", { body }));
    assert.equal(user.username, body.username);
    assert.equal(through.count("POST /user"), 2);
  });
}

for (const fault of ["drop", "lose", { status: 502 }, problem(503, "outcome-unknown", "0"), problem(500, "internal-error")]) {
  test(`a write is not repeated after ${JSON.stringify(fault).slice(0, 60)}: it may have been made`, async () => {
    const through = await proxy(once("POST /user", fault));
    await assert.rejects(unwrap(createClient({ url: through.url }).POST("/user", { body: { username: "never", password: "short" } })));
    assert.equal(through.count("POST /user"), 1);
  });
}

test("the number of attempts is limited", async () => {
  const through = await proxy(always("GET /", problem(503, "overloaded", "0")));
  const client = createClient({ url: through.url, retries: 2 });
  assert.equal((await client.GET("/")).error.code, "overloaded");
  assert.equal(through.count("GET /"), 3);
  const dropping = await proxy(always("GET /", "drop"));
  await assert.rejects(createClient({ url: dropping.url, retries: 1 }).GET("/"), TypeError);
  assert.equal(dropping.count("GET /"), 2);
});

test("the wait is at least `Retry-After`, and an error if that is longer than `maxWait`", async (t) => {
  const waits = [];
  const setTimeout = globalThis.setTimeout;
  t.mock.method(globalThis, "setTimeout", (run, wait, ...rest) => {
    waits.push(wait);
    return setTimeout(run, Math.min(wait, 1), ...rest);
  });
  const later = await proxy(once("GET /", problem(429, "too-many-attempts", "2")));
  await unwrap(createClient({ url: later.url }).GET("/"));
  assert.equal(waits.filter((wait) => wait >= 2000 && wait <= 2200).length, 1, `${waits}`);
  const tooLate = await proxy(once("GET /", problem(429, "too-many-attempts", "11")));
  const error = await unwrap(createClient({ url: tooLate.url }).GET("/")).catch((thrown) => thrown);
  assert.equal(error.retryAfter, 11);
  assert.equal(tooLate.count("GET /"), 1);
});

test("an aborted request is not repeated", async () => {
  const controller = new AbortController();
  const through = await proxy(() => {
    controller.abort();
    return problem(503, "overloaded", "5");
  });
  await assert.rejects(createClient({ url: through.url }).GET("/", { signal: controller.signal }), { name: "AbortError" });
  assert.equal(through.count("GET /"), 1);
});

test("an error has the fields of its problem, and its code determines which", async () => {
  const through = await proxy();
  const client = createClient({ url: through.url });
  const error = await unwrap(client.POST("/user", { body: { username: "ann", password: "short" } })).catch((thrown) => thrown);
  assert.ok(error instanceof DoorwardError && error instanceof Error);
  assert.equal(error.code, "validation-failed");
  assert.equal(error.status, 422);
  assert.deepEqual(error.errors.map(({ field, code }) => [field, code]), [["password", "too-short"]]);
  assert.ok(error.message.includes(error.request_id));
  const { username } = await newUser();
  const taken = await unwrap(client.POST("/user", { body: { username, password } })).catch((thrown) => thrown);
  assert.equal(taken.code, "username-taken");
});

test("an error page of a proxy is no problem of Doorward", async () => {
  const through = await proxy(always("GET /", { status: 404, body: "<h1>Not here</h1>" }));
  await assert.rejects(unwrap(createClient({ url: through.url }).GET("/")), UnexpectedResponse);
});
