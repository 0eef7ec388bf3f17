import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Browser, PASSWORD, require } from "../../../crates/testkit/browser/browser.mjs";

const { CLIENT: client, EXAMPLE: example, SITE: site } = process.env;

// The package has no bundler here: the page's import map names its modules.
const PAGE = `<!doctype html><title>Application</title><script type="importmap">
  {"imports": {"@doorward/client": "/app/client/index.js", "openapi-fetch": "/app/openapi-fetch.mjs"}}
</script>`;

export async function the_client_uses_the_cookie_of_the_page_and_renews_it() {
  const browser = await Browser.open();
  const { page } = browser;
  await page.clock.install();
  let renewals = 0;
  page.on("request", (request) => (renewals += request.url().endsWith("/auth/renewal") ? 1 : 0));
  await page.route("**/app/**", (route) => {
    const { pathname } = new URL(route.request().url());
    const name = pathname.slice("/app/".length);
    if (name === "") return route.fulfill({ contentType: "text/html", body: PAGE });
    const file = name.startsWith("client/") ? join(client, name.slice("client/".length)) : openapiFetch();
    return route.fulfill({ contentType: "text/javascript", body: readFileSync(file) });
  });
  const open = async () => {
    await browser.go(browser.url("/app/"));
    await page.evaluate(async () => {
      const { createClient } = await import("@doorward/client");
      window.doorward = createClient();
    });
  };
  const user = () => page.evaluate(async () => (await window.doorward.session())?.user.username ?? null);

  await open();
  assert.equal(await user(), null);
  assert.match(await page.evaluate(() => window.doorward.signIn({ username: "ann", password: "x" }).catch(String)), /TypeError/);
  await browser.go(browser.url("/sign-up?with=username"));
  await browser.send("/sign-up", { username: "ann", password: PASSWORD });
  await open();
  assert.equal(await user(), "ann");
  assert.equal(renewals, 0);

  const cookie = async () => (await page.context().cookies()).find(({ name }) => name === "__Host-doorward").value;
  const first = await cookie();
  await page.clock.fastForward("13:00:00");
  await page.evaluate(() => Promise.all([1, 2, 3].map(() => window.doorward.session())));
  assert.equal(renewals, 1);
  assert.notEqual(await cookie(), first);
  assert.equal(await user(), "ann");
  assert.equal(renewals, 1);

  await page.evaluate(() => window.doorward.signOut());
  assert.equal(await user(), null);
}

function openapiFetch() {
  return join(require.resolve("openapi-fetch/package.json"), "../dist/index.mjs");
}

export async function the_react_example_signs_up_keeps_notes_and_signs_out() {
  const { preview } = require("vite");
  const server = await preview({ root: example, preview: { port: Number(new URL(site).port), host: "127.0.0.1" } });
  try {
    const browser = await Browser.open({ site });
    const { page } = browser;
    const notes = async (...expected) => {
      await page.waitForFunction((count) => document.querySelectorAll("li").length === count, expected.length);
      assert.deepEqual(await page.locator("li").evaluateAll((items) => items.map((item) => item.firstChild.data)), expected);
    };
    await browser.go(browser.url("/"));
    await page.getByRole("link", { name: "create an account" }).click();
    await page.locator("a[href^='/sign-up?with=username']").click();
    await browser.send("/sign-up", { username: "ann", password: PASSWORD });
    await page.getByText("Signed in as ann").waitFor();

    await page.getByLabel("New note").fill("buy milk");
    await page.getByRole("button", { name: "Add" }).click();
    await notes("buy milk");
    // Another tab has changed the notes: its note stays.
    const tab = await page.context().newPage();
    await tab.goto(site);
    await tab.getByLabel("New note").fill("call Ben");
    await tab.getByRole("button", { name: "Add" }).click();
    await tab.getByText("call Ben").waitFor();
    await page.getByLabel("New note").fill("sleep");
    await page.getByRole("button", { name: "Add" }).click();
    await notes("buy milk", "call Ben", "sleep");
    await page.getByRole("button", { name: "Delete buy milk" }).click();
    await notes("call Ben", "sleep");
    await page.reload();
    await notes("call Ben", "sleep");

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in" }).click();
    await browser.send("/sign-in", { username: "ann", password: PASSWORD });
    await notes("call Ben", "sleep");
    // A session that ends elsewhere ends here.
    await tab.getByRole("button", { name: "Sign out" }).click();
    await tab.getByRole("link", { name: "Sign in" }).waitFor();
    await page.getByLabel("New note").fill("too late");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByRole("link", { name: "Sign in" }).waitFor();
  } finally {
    await server.close();
  }
}
