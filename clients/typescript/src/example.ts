// Signs a user up and out again, with types generated from the server's OpenAPI document.
// Errors are typed as well: `error.code` and `error.status` determine their other fields.

import { createInterface } from "node:readline/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./doorward.js";

type Problem = components["schemas"]["Problem"];

const doorward = createClient<paths>({ baseUrl: process.env["DOORWARD_URL"] ?? "http://localhost:8000" });

/** The response of a request that has to succeed. */
function taken<T>({ data, error }: { data?: T; error?: Problem }): T {
  if (error) throw new Error(`${error.title}: ${error.detail} (request ${error.request_id})`);
  return data as T;
}

const username = `ann-${Date.now().toString(36)}`;
const email = `${username}@example.com`;
const password = "three boats on a lake";

// Errors that a form shows next to its fields.
const refused = await doorward.POST("/user", { body: { username, email, password: "short" } });
if (refused.error?.code === "validation-failed") {
  for (const error of refused.error.errors) console.log(`invalid: ${error.field} ${error.code}`);
}

const created = taken(await doorward.POST("/user", { body: { username, email, password, data: { colour: "green" } } }));
console.log(`signed up: ${created.status}`);

// In production the user reads the mail; with the built-in inbox a program can.
const { items } = taken(await doorward.GET("/inbox.json", { params: { query: { to: email, wait: 10 } } }));
const token = items[0]?.url.split("/").pop() ?? "";
const confirmed = taken(await doorward.POST("/confirmation/{token}", { params: { path: { token } } }));
console.log(`confirmed: ${confirmed.status}`);

/** Asks the user for the code of their authenticator app. */
async function askForCode(): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const code = await terminal.question("Code of your authenticator app: ");
  terminal.close();
  return code;
}

// An account with a second factor gets a challenge, and the session for a code.
const first = taken(await doorward.POST("/auth", { body: { email, password } }));
const session =
  "next" in first
    ? taken(await doorward.POST("/auth/factor", { body: { challenge: first.challenge, kind: "totp", code: await askForCode() } }))
    : first;
console.log(`signed in as ${session.user.username}`);
doorward.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${session.token}`);
  },
});

// Read, change, write: `If-Match` prevents overwriting a change that was not read.
const path = { user: "me" };
const read = await doorward.GET("/user/{user}", { params: { path } });
const header = { "If-Match": read.response.headers.get("ETag") ?? "" };
const patched = taken(await doorward.PATCH("/user/{user}", { params: { path, header }, body: { data: { city: "Bern" } } }));
console.log(`patched: ${JSON.stringify(patched.data)}`);

const late = await doorward.PATCH("/user/{user}", { params: { path, header }, body: { name: "Ann" } });
if (late.error?.code === "precondition-failed") console.log("changed by someone else: read it again");

taken(await doorward.DELETE("/auth"));
const after = await doorward.GET("/auth");
if (after.error?.status === 401) console.log(`signed out: ${after.error.title.toLowerCase()}`);
