// `createClient`: the typed routes of openapi-fetch, with retries and a session.

import createFetchClient, { type Client as FetchClient } from "openapi-fetch";
import { DoorwardError, unwrap } from "./errors.js";
import type { components, paths } from "./openapi.js";
import { withRetry, type RetryOptions } from "./retry.js";
import { memoryStore, Session, type SessionStore } from "./session.js";

type Schemas = components["schemas"];
type Json<Path extends keyof paths> = paths[Path] extends {
  post: { requestBody: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

export type Credentials = Json<"/auth">;
export type SecondFactor = Json<"/auth/factor">;

export interface ClientOptions extends RetryOptions {
  /** URL of the server, without a slash at its end. In a browser: `location.origin`, the default. */
  url?: string;
  /** Where the token is kept. Default: in memory, and in a browser `null`: the server's cookie is used. */
  store?: SessionStore | null;
  /** Sends a request. Default: the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
}

export interface Client extends FetchClient<paths> {
  /** Signs in. A user with a second factor gets a challenge (`next`) in place of a session. */
  signIn(credentials: Credentials): Promise<Schemas["SignedIn"] | Schemas["NextFactor"]>;
  /** Completes a sign-in with a code. */
  signInWithCode(factor: SecondFactor): Promise<Schemas["SignedIn"]>;
  /** Keeps a session that another route returned. */
  keep(signedIn: Schemas["SignedIn"]): Promise<void>;
  /** Returns the session and its user, or `null` if no one is signed in. */
  session(): Promise<Schemas["CurrentSession"] | null>;
  /** Renews the session now. Requests do so by themselves. Returns `false` if it could not be renewed. */
  renew(): Promise<boolean>;
  /** Ends the session on the server, and forgets it. */
  signOut(): Promise<void>;
}

export function createClient(options: ClientOptions = {}): Client {
  const inBrowser = "document" in globalThis;
  const baseUrl = options.url ?? (inBrowser ? location.origin : undefined);
  if (baseUrl === undefined) throw new TypeError("createClient needs the url of the server");
  const store = options.store === undefined ? (inBrowser ? null : memoryStore()) : options.store;
  const send = options.fetch ?? ((request: Request) => fetch(request));
  const session = new Session(baseUrl, { send, sendWithRetry: withRetry(send, options) }, store);
  // Each attempt uses the current token: using one more than 30 seconds after its renewal ends the session.
  const api = createFetchClient<paths>({ baseUrl, fetch: withRetry(session.send.bind(session), options) });
  // A sign-in does not depend on an earlier session.
  const anonymous = createFetchClient<paths>({ baseUrl, fetch: withRetry(send, options) });

  return Object.assign(api, {
    async signIn(credentials: Credentials) {
      session.requireStore();
      const answer = await unwrap(anonymous.POST("/auth", { body: credentials }));
      if ("token" in answer) await session.keep(answer);
      return answer;
    },
    async signInWithCode(factor: SecondFactor) {
      session.requireStore();
      const answer = await unwrap(anonymous.POST("/auth/factor", { body: factor }));
      await session.keep(answer);
      return answer;
    },
    keep: (signedIn: Schemas["SignedIn"]) => session.keep(signedIn),
    async session() {
      try {
        const result = await api.GET("/auth");
        const current = await unwrap(result);
        if (!store) session.keepCookie(current.session.expires_at, result.response);
        return current;
      } catch (error) {
        if (error instanceof DoorwardError && error.status === 401) return null;
        throw error;
      }
    },
    renew: () => session.renew(),
    async signOut() {
      const result = await api.DELETE("/auth");
      if (result.response.status !== 401) await unwrap(result);
      await session.end();
    },
  });
}
