// The pictures in the README: `cargo xtask screenshots`.
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Browser, PASSWORD } from "../../../testkit/browser/browser.mjs";

const FOLDER = join(import.meta.dirname, "../../../../docs/images");
const EMAIL = "zoe@example.com";
// The same time in each run, so that a picture changes only with its page.
const CLOCK = { FAKETIME: "@2026-06-01 09:30:00", FAKETIME_DONT_FAKE_MONOTONIC: "1" };

async function take(browser, name) {
  // Headless Chromium draws no scrollbar in the room that is reserved for it.
  await browser.page.evaluate(() => (document.documentElement.style.scrollbarGutter = "auto"));
  const protocol = await browser.page.context().newCDPSession(browser.page);
  for (const colorScheme of ["light", "dark"]) {
    await browser.page.emulateMedia({ colorScheme });
    const { data } = await protocol.send("Page.captureScreenshot", { format: "webp", quality: 90 });
    writeFileSync(join(FOLDER, `${name}-${colorScheme}.webp`), Buffer.from(data, "base64"));
  }
}

export async function the_pictures_of_the_readme_are_taken() {
  mkdirSync(FOLDER, { recursive: true });
  const [LD_PRELOAD] = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1");
  const admin = { DOORWARD_ADMIN__EMAIL: "ada@example.com", DOORWARD_ADMIN__PASSWORD: PASSWORD };
  const variables = { ...CLOCK, ...admin, LD_PRELOAD, TZ: "UTC" };
  const browser = await Browser.open({ variables, viewport: { width: 1280, height: 820 }, timezoneId: "UTC" });
  await browser.go("/sign-up");
  await browser.send("/sign-up", { email: EMAIL, name: "Zoe Miller", password: PASSWORD });
  await browser.openMail(1);
  await browser.click("main button:not(.quiet)");
  // A second device.
  await browser.page.context().clearCookies();
  await browser.go("/sign-in");
  await browser.page.evaluate(() => document.activeElement.blur());
  await take(browser, "sign-in");
  await browser.send("/sign-in", { username: EMAIL, password: PASSWORD });
  await take(browser, "account");
  const names = ["Ben Adeyemi", "Chloé Martin", "Dieter Vogel", "Mei Chen", "Sven Larsson", "Yuki Tanaka"];
  for (const name of names) {
    const user = { username: name.split(" ")[0].toLowerCase(), name, password: PASSWORD };
    const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(user) };
    const response = await fetch(browser.url("/user"), request);
    if (response.status !== 201) throw new Error(await response.text());
  }
  await browser.page.context().clearCookies();
  await browser.go("/admin");
  await browser.send("/sign-in", { username: admin.DOORWARD_ADMIN__EMAIL, password: PASSWORD });
  await browser.go("/admin/users");
  await take(browser, "console");
}
