// Doorward has the same origin as this page, and signs users in with a cookie that no script can read.
import { createClient, type components } from "@doorward/client";

export type User = components["schemas"]["User"];

export const doorward = createClient();

/** A path of Doorward's pages, which comes back to this page. */
export function pageOf(path: "/sign-in" | "/sign-up"): string {
  return `${path}?return_to=${encodeURIComponent(location.pathname)}`;
}
