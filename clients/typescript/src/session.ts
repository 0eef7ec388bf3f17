// The session of a client: its bearer token in a store, or the cookie, which the browser keeps. Both are renewed.

import type { components } from "./openapi.js";
import type { Send } from "./retry.js";

type SignedIn = components["schemas"]["SignedIn"];

export interface StoredSession {
  token: string;
  /** When to renew it: milliseconds since 1970. */
  renewAt: number;
}

/** Where a client keeps its token. One client uses a store at a time. */
export interface SessionStore {
  get(): StoredSession | null | Promise<StoredSession | null>;
  /** `null` deletes it. */
  set(session: StoredSession | null): void | Promise<void>;
}

/** A store that forgets the session when the program ends. */
export function memoryStore(): SessionStore {
  let kept: StoredSession | null = null;
  return {
    get: () => kept,
    set: (session) => {
      kept = session;
    },
  };
}

/** A session is valid for a day, and renewed when half of that is over. */
const COOKIE_RENEWAL = 12 * 3_600_000;

/** Wait after a renewal that failed. */
const AGAIN = 60_000;

export class Session {
  readonly #url: string;
  readonly #send: Send;
  readonly #sendWithRetry: Send;
  readonly #store: SessionStore | null;
  #cookieRenewAt = Infinity;
  #failedAt = -Infinity;
  #renewing: Promise<boolean> | undefined;

  /** Without a store, the cookie is used. */
  constructor(url: string, { send, sendWithRetry }: { send: Send; sendWithRetry: Send }, store: SessionStore | null) {
    this.#url = url;
    this.#send = send;
    this.#sendWithRetry = sendWithRetry;
    this.#store = store;
  }

  /** Sends a request with the session, which is renewed before if it is time. */
  async send(request: Request): Promise<Response> {
    if (await this.#isDue()) await this.renew();
    const used = await this.#authorize(request);
    const response = await this.#send(request);
    if (response.status === 401 && used) await this.#endIfInvalid(used, response);
    return response;
  }

  /** Renews the session, once for all concurrent callers. Returns `false` if it could not be renewed. */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Throws if only the server's pages can sign in: a script must not get the token of a cookie. */
  requireStore(): void {
    if (!this.#store) throw new TypeError("without a session store, users sign in with the server's page or a form");
  }

  async keep(signedIn: SignedIn): Promise<void> {
    await this.#store?.set({ token: signedIn.token, renewAt: Date.now() + (signedIn.expires_in * 1000) / 2 });
  }

  /** The session of the cookie expires at this time. Both times are the server's: the clock of a device may be wrong. */
  keepCookie(expiresAt: string, response: Response): void {
    const now = Date.now();
    const serverNow = Date.parse(response.headers.get("Date") ?? "") || now;
    this.#cookieRenewAt = now + (Date.parse(expiresAt) - serverNow) - COOKIE_RENEWAL;
  }

  async end(): Promise<void> {
    this.#cookieRenewAt = Infinity;
    await this.#store?.set(null);
  }

  async #isDue(): Promise<boolean> {
    const now = Date.now();
    const renewAt = this.#store ? (await this.#store.get())?.renewAt : this.#cookieRenewAt;
    return now >= (renewAt ?? Infinity) && now >= this.#failedAt + AGAIN;
  }

  async #renewOnce(): Promise<boolean> {
    const request = new Request(`${this.#url}/auth/renewal`, { method: "POST" });
    const used = await this.#authorize(request);
    try {
      const response = await this.#sendWithRetry(request);
      if (response.status === 200) await this.keep((await response.json()) as SignedIn);
      if (response.status === 204) this.#cookieRenewAt = Date.now() + COOKIE_RENEWAL;
      if (response.status === 401) await (used ? this.#endIfInvalid(used, response) : this.end());
      if (response.ok) return true;
    } catch {
      // The session is still valid: the request that follows reports what is wrong.
    }
    this.#failedAt = Date.now();
    return false;
  }

  /** Adds the token to a request that has none, and returns it. */
  async #authorize(request: Request): Promise<string | undefined> {
    const stored = await this.#store?.get();
    if (!stored || request.headers.has("Authorization")) return undefined;
    request.headers.set("Authorization", `Bearer ${stored.token}`);
    return stored.token;
  }

  /** Deletes this token if the server does not accept it any more. */
  async #endIfInvalid(token: string, response: Response): Promise<void> {
    const problem = (await response.clone().json().catch(() => ({}))) as { code?: string };
    const stored = await this.#store?.get();
    if (problem.code === "invalid-token" && stored?.token === token) await this.end();
  }
}
