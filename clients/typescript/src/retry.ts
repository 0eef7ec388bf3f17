// Repeats a request if that is safe: if the server did nothing yet, or if doing it twice is the same as once.

import { retryAfter } from "./errors.js";

export interface RetryOptions {
  /** Attempts after the first. Default 3; 0 turns retries off. */
  retries?: number;
  /** Longest wait before an attempt, in milliseconds. A longer `Retry-After` is returned as an error. Default 10 s. */
  maxWait?: number;
}

export type Send = (request: Request) => Promise<Response>;

/** The wait before the first retry is a random time up to this; the limit doubles with each retry. */
const FIRST_WAIT = 200;

const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];

/** A proxy's or server's statuses that pass. */
const TEMPORARY = [502, 503, 504];

/** 503 with one of these codes: nothing was changed. (After `outcome-unknown`, the write may have been made.) */
const NOTHING_CHANGED = ["overloaded", "store-unavailable"];

export function withRetry(send: Send, { retries = 3, maxWait = 10_000 }: RetryOptions): Send {
  return async (request) => {
    const isIdempotent = IDEMPOTENT.includes(request.method) || isRenewal(request);
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt === retries;
      const outcome = await send(isLast ? request : request.clone()).catch((error: unknown) => ({ error }));
      let wait = Math.random() * Math.min(maxWait, FIRST_WAIT * 2 ** attempt);
      if ("error" in outcome) {
        if (isLast || !isIdempotent || request.signal.aborted) throw outcome.error;
      } else {
        wait += 1000 * (retryAfter(outcome) ?? 0);
        if (isLast || wait > maxWait || !(await isTemporary(outcome, isIdempotent))) return outcome;
        await outcome.body?.cancel();
      }
      await sleep(wait, request.signal);
    }
  };
}

async function isTemporary(response: Response, isIdempotent: boolean): Promise<boolean> {
  if (response.status === 429) return retryAfter(response) !== undefined;
  if (isIdempotent) return TEMPORARY.includes(response.status);
  if (response.status !== 503) return false;
  const problem = (await response.clone().json().catch(() => ({}))) as { code?: string };
  return NOTHING_CHANGED.includes(problem.code ?? "");
}

/** A repeated renewal returns the result of the first one. */
function isRenewal(request: Request): boolean {
  return new URL(request.url).pathname.endsWith("/auth/renewal");
}

/** Waits, or throws the reason of the signal. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", abort, { once: true });
  });
}
