import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { createClient, memoryStore, unwrap } from "../dist/index.js";
import { newUser, password, proxy, url } from "./server.mjs";

const HOUR = 3_600_000;
const me = { params: { path: { user: "me" } } };
const RENEWAL = "POST /auth/renewal";

/** A client that is signed in through this proxy. */
async function signedIn(through, options = {}) {
  const store = memoryStore();
  const client = createClient({ url: through.url, store, ...options });
  await client.signIn(await newUser());
  return { client, store };
}

test("a user signs in, reads their account and signs out", async () => {
  const client = createClient({ url });
  const credentials = await newUser();
  assert.equal(await client.session(), null);
  await client.signIn(credentials);
  assert.equal((await client.session()).user.username, credentials.username);
  const user = await unwrap(client.GET("/user/{user}", me));
  assert.equal(user.username, credentials.username);
  await client.signOut();
  assert.equal(await client.session(), null);
  await client.signOut();
});

test("a user with a second factor gets a challenge, and the session for a code", async () => {
  const { client } = await signedIn({ url });
  const path = { user: "me" };
  const app = await unwrap(client.POST("/user/{user}/factor", { params: { path }, body: { kind: "totp", name: "phone" } }));
  const step = Math.floor(Date.now() / 30_000);
  await unwrap(client.POST("/user/{user}/factor/{id}", { params: { path: { ...path, id: app.id } }, body: { code: code(app.secret, step - 1) } }));
  const { user } = await client.session();
  await client.signOut();
  const first = await client.signIn({ username: user.username, password });
  assert.equal(first.next, "factor");
  assert.equal(await client.session(), null);
  await client.signInWithCode({ challenge: first.challenge, kind: "totp", code: code(app.secret, step) });
  assert.equal((await client.session()).user.id, user.id);
});

test("a session is renewed when half of its life is over, once for all concurrent requests", async (t) => {
  const through = await proxy();
  const { client, store } = await signedIn(through);
  const first = store.get().token;
  await client.session();
  assert.equal(through.count(RENEWAL), 0);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 13 * HOUR });
  const sessions = await Promise.all([1, 2, 3, 4, 5].map(() => client.session()));
  assert.ok(sessions.every((found) => found !== null));
  assert.equal(through.count(RENEWAL), 1);
  assert.notEqual(store.get().token, first);
  assert.ok(store.get().renewAt > Date.now() + 11 * HOUR);
  await client.session();
  assert.equal(through.count(RENEWAL), 1);
});

test("a renewal whose response is lost is repeated", async (t) => {
  const through = await proxy((request, times) => (request === RENEWAL && times === 1 ? "lose" : undefined));
  const { client, store } = await signedIn(through);
  const first = store.get().token;
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 13 * HOUR });
  assert.ok(await client.session());
  assert.equal(through.count(RENEWAL), 2);
  assert.notEqual(store.get().token, first);
});

test("a request is sent with the old token if the renewal fails, and the next renewal waits a minute", async (t) => {
  const through = await proxy((request) => (request === RENEWAL ? "drop" : undefined));
  const { client } = await signedIn(through, { retries: 0 });
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 13 * HOUR });
  assert.ok(await client.session());
  assert.ok(await client.session());
  assert.equal(through.count(RENEWAL), 1);
  t.mock.timers.setTime(Date.now() + 61_000);
  assert.ok(await client.session());
  assert.equal(through.count(RENEWAL), 2);
});

test("a retry uses the token of a renewal that happened in between", async () => {
  const store = memoryStore();
  const sent = [];
  const client = createClient({
    url,
    store,
    async fetch(request) {
      if (request.method !== "GET") return fetch(request);
      if (sent.push(request.headers.get("Authorization")) > 1) return fetch(request);
      await client.renew();
      return new Response(null, { status: 503, headers: { "Retry-After": "0" } });
    },
  });
  await client.signIn(await newUser());
  assert.ok(await client.session());
  assert.notEqual(sent[0], sent[1]);
  assert.equal(sent[1], `Bearer ${store.get().token}`);
});

test("a session that has ended is deleted from the store, and another sign-in starts a new one", async () => {
  const through = await proxy();
  const { client, store } = await signedIn(through);
  const { token } = store.get();
  const { user } = await client.session();
  await fetch(`${url}/auth`, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
  const { error } = await client.GET("/user/{user}", me);
  assert.equal(error.code, "invalid-token");
  assert.equal(store.get(), null);
  await client.signIn({ username: user.username, password });
  assert.ok(await client.session());
});

test("a wrong password does not end the session, and a new one is followed by a renewal", async () => {
  const { client, store } = await signedIn({ url });
  const body = { current_password: "not mine at all", new_password: "four boats on a lake" };
  const { error } = await client.PUT("/password", { body });
  assert.equal(error.status, 401);
  const { token } = store.get();
  await unwrap(client.PUT("/password", { body: { ...body, current_password: password } }));
  assert.equal(await client.renew(), true);
  assert.notEqual(store.get().token, token);
});

test("a client without a store signs no one in", async () => {
  const client = createClient({ url, store: null });
  await assert.rejects(client.signIn(await newUser()), TypeError);
});

/** The code of an authenticator app (RFC 6238) for this half minute. */
function code(secret, step) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", key).update(counter).digest();
  const offset = digest[19] & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
