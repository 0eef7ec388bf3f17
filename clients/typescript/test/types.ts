// Compiled, not run: what the server rejects, the types reject.
import { createClient, DoorwardError, unwrap, type components } from "../src/index.js";

type User = components["schemas"]["User"];
const doorward = createClient({ url: "" });
const me = { path: { user: "me" } };

// @ts-expect-error: neither a username nor an email
await doorward.POST("/user", { body: { password: "three boats on a lake" } });
// @ts-expect-error: no password
await doorward.POST("/user", { body: { username: "ann" } });
// @ts-expect-error: unknown role
await doorward.PUT("/user/{user}/role", { params: me, body: { role: "king" } });
// @ts-expect-error: unknown status
await doorward.GET("/user", { params: { query: { status: "asleep" } } });
// @ts-expect-error: unknown route
await doorward.GET("/nobody");
// @ts-expect-error: no password
await doorward.signIn({ username: "ann" });

// The result of one route has its own errors.
const { data, error } = await doorward.PATCH("/user/{user}", { params: me, body: { data: { any: ["thing"] } } });
if (data) {
  const role: "user" | "admin" = data.role;
  const status: "pending" | "active" | "disabled" = data.status;
  const pending: string | undefined = data.pending_email;
  const name: string | null = data.name;
  const anything: unknown = data.data["colour"];
  // @ts-expect-error: an account may have no username
  const username: string = data.username;
  // @ts-expect-error: the type of a custom field is unknown
  const colour: string = data.data["colour"];
  const user: User = data;
  console.log(role, status, pending, name, anything, username, colour, user);
}
if (error) {
  // @ts-expect-error: only for `validation-failed`
  console.log(error.errors.length);
  // @ts-expect-error: a PATCH does not return this code
  console.log(error.code === "last-admin");
  if (error.code === "validation-failed") console.log(error.status === 422, error.errors.length);
  if (error.status === 412) console.log(error.code === "precondition-failed");
}

// A thrown error has those of all routes.
try {
  const user: User = await unwrap(doorward.GET("/user/{user}", { params: me }));
  console.log(user);
} catch (thrown) {
  if (!(thrown instanceof DoorwardError)) throw thrown;
  // @ts-expect-error: only for `validation-failed`
  console.log(thrown.errors.length);
  // @ts-expect-error: no route returns this code
  console.log(thrown.code === "never-heard-of");
  if (thrown.code === "validation-failed") console.log(thrown.errors.length, thrown.retryAfter);
  if (thrown.code === "last-admin") console.log(thrown.message, thrown.request_id);
}

// A sign-in has a next step or a session.
const answer = await doorward.signIn({ email: "ann@example.com", password: "three boats on a lake" });
if ("next" in answer) {
  console.log(answer.challenge);
  // @ts-expect-error: no session yet
  console.log(answer.token);
} else {
  console.log(answer.user.id);
}
