// An account from sign-up to sign-out, by types that the server's OpenAPI document gives.
// Refusals are typed as well: `error.code` and `error.status` say what else is in them.

import createClient from "openapi-fetch";
import type { components, paths } from "./doorward.js";

type Problem = components["schemas"]["Problem"];

const doorward = createClient<paths>({ baseUrl: process.env["DOORWARD_URL"] ?? "http://localhost:8000" });

/** The answer of a request that has to succeed. */
function taken<T>({ data, error }: { data?: T; error?: Problem }): T {
  if (error) throw new Error(`${error.title}: ${error.detail} (request ${error.request_id})`);
  return data as T;
}

const username = `ann-${Date.now().toString(36)}`;
const email = `${username}@example.com`;
const password = "three boats on a lake";

// A refusal that a form would show beside its fields.
const refused = await doorward.POST("/user", { body: { username, email, password: "short" } });
if (refused.error?.code === "validation-failed") {
  for (const fault of refused.error.errors) console.log(`refused: ${fault.field} ${fault.code}`);
}

const created = taken(await doorward.POST("/user", { body: { username, email, password, data: { colour: "green" } } }));
console.log(`signed up: ${created.status}`);

// In production a person reads the mail; the built-in inbox lets a program do so.
const { items } = taken(await doorward.GET("/inbox.json", { params: { query: { to: email, wait: 10 } } }));
const token = items[0]?.url.split("/").pop() ?? "";
const confirmed = taken(await doorward.POST("/confirmation/{token}", { params: { path: { token } } }));
console.log(`confirmed: ${confirmed.status}`);

const session = taken(await doorward.POST("/auth", { body: { email, password } }));
console.log(`signed in as ${session.user.username}`);
doorward.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${session.token}`);
  },
});

// Read, change, write: `If-Match` keeps one from overwriting what one has not seen.
const path = { user: "me" };
const read = await doorward.GET("/user/{user}", { params: { path } });
const header = { "If-Match": read.response.headers.get("ETag") ?? "" };
const patched = taken(await doorward.PATCH("/user/{user}", { params: { path, header }, body: { data: { city: "Bern" } } }));
console.log(`patched: ${JSON.stringify(patched.data)}`);

const late = await doorward.PATCH("/user/{user}", { params: { path, header }, body: { name: "Ann" } });
if (late.error?.code === "precondition-failed") console.log("somebody was faster: read it again");

taken(await doorward.DELETE("/auth"));
const after = await doorward.GET("/auth");
if (after.error?.status === 401) console.log(`signed out: ${after.error.title.toLowerCase()}`);
