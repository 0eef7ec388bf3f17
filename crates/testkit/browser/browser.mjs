// `Browser`, a window of Chromium: opens, clicks, types, reads. And `start`, the server that it visits.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

// The packages are in the target folder, where `require` finds them by `NODE_PATH`.
export const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");

// The password of the users in the tests.
export const PASSWORD = "three boats on a lake";
// Longer than anything takes. Only a failing test reaches it.
const TIMEOUT = 30_000;
// The engine of Chromium without its windows, which takes half the CPU of `chromium --headless`.
const PROGRAM = "/usr/bin/chromium-headless-shell";
// It does not use the network.
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

// Everything that the test has opened, to report and to close.
export const browsers = [];
const endings = [];
let program;

export async function closeAll() {
  for (const end of endings.reverse()) await end();
}

// Starts the binary in an empty folder, with defaults except for a free port and no throttles: a journey makes more
// requests than a user would. Returns its URL.
async function start(binary, variables) {
  const folder = mkdtempSync(join(tmpdir(), "doorward-browser-"));
  const env = { DOORWARD_LISTEN: "127.0.0.1:0", DOORWARD_DATA_DIR: join(folder, "data"), DOORWARD_THROTTLE__ENABLED: "false", ...variables };
  // It ends with this process, also if that is killed.
  const server = spawn("/usr/bin/setpriv", ["--pdeathsig", "KILL", "--", binary, "serve"], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  server.stderr.on("data", (text) => log.push(text));
  endings.push(async () => {
    const ended = new Promise((resolve) => (server.exitCode === null ? server.on("exit", resolve) : resolve()));
    server.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true });
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const [, url] = line.split("Doorward is ready at ");
    if (url) {
      server.stdout.resume();
      return url.trim();
    }
  }
  throw new Error(`the server ended:\n${log.join("")}`);
}

// Waits until this returns something.
export async function until(what, look) {
  for (const deadline = Date.now() + TIMEOUT; ; ) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < deadline, `never: ${what}`);
  }
}

export class Browser {
  // Opens a window with a profile of its own and a new server, which has these settings. `site` is a running server to visit instead.
  static async open({ language = "en", script = true, variables = {}, site, ...options } = {}) {
    const url = site ?? (await start(process.env.DOORWARD_TEST_BINARY, variables));
    if (!program) {
      program = await chromium.launch({ executablePath: PROGRAM, args: FLAGS });
      endings.push(() => program.close());
    }
    const context = await program.newContext({ locale: language, javaScriptEnabled: script, viewport: { width: 360, height: 800 }, ...options });
    context.setDefaultTimeout(TIMEOUT);
    const browser = new Browser(await context.newPage(), url);
    browsers.push(browser);
    return browser;
  }

  constructor(page, home) {
    Object.assign(this, { page, home, console: [], requests: [] });
    const context = page.context();
    context.on("console", (message) => this.console.push(`${message.type()}: ${message.text()} (${message.location().url})`));
    context.on("weberror", (error) => this.console.push(`error: ${error.error()}`));
    context.on("request", (request) => this.requests.push(request.url()));
  }

  url(path) {
    return this.home + path;
  }

  // Opens a path of the server, or a whole URL.
  async go(place) {
    await this.page.goto(place.startsWith("/") ? this.url(place) : place);
  }

  // The text of the first matching element, `undefined` if there is none.
  async text(css) {
    return (await this.page.$(css))?.innerText();
  }

  async has(css) {
    return (await this.page.$(css)) !== null;
  }

  value(css) {
    return this.page.inputValue(css);
  }

  attribute(css, name) {
    return this.page.getAttribute(css, name);
  }

  async fill(css, text) {
    await this.page.fill(css, text);
  }

  // Clicks an element that leads to another page, and waits for that page.
  async click(css) {
    await Promise.all([this.page.waitForEvent("load"), this.page.click(css)]);
  }

  // Fills the fields with these ids, and sends the form that has this action. Continues in the tab in which the response opens.
  async send(action, fields = {}) {
    const form = `form[action='${action}']`;
    for (const [id, text] of Object.entries(fields)) await this.fill(`${form} #${id}`, text);
    const button = `${form} button:not(.show)`;
    if ((await this.attribute(form, "target")) !== "_blank") return this.click(button);
    [this.page] = await Promise.all([this.page.waitForEvent("popup"), this.page.click(button)]);
    await this.page.waitForLoadState();
  }

  async expectHeading(wanted) {
    assert.equal(await this.text("h1"), wanted);
  }

  async expectText(css, wanted) {
    const text = await this.text(css);
    assert.ok(text?.includes(wanted), `${css} has ${JSON.stringify(text)} instead of ${JSON.stringify(wanted)}`);
  }

  // Opens the inbox until it has this element.
  async awaitInInbox(css) {
    await until(`the inbox has ${css}`, async () => {
      await this.go("/inbox");
      return this.has(css);
    });
  }

  // Waits for the mail with this number, counted from the first.
  awaitMail(number) {
    return this.awaitInInbox(`article:nth-last-of-type(${number})`);
  }

  // Waits until this number of mails has arrived, and opens the link of the newest one.
  async openMail(number) {
    await this.awaitMail(number);
    await this.click("article a.button");
  }

  // The code that an authenticator app shows after it has scanned the page (RFC 6238).
  async code() {
    const secret = new URL(await this.attribute("a[href^='otpauth:']", "href")).searchParams.get("secret");
    const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
    const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
    const digest = createHmac("sha1", key).update(counter).digest();
    const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, "0");
  }

  // The recovery code in this place of the page.
  recoveryCode(place) {
    return this.text(`.codes li:nth-child(${place})`);
  }

  // Signs up with a username, which needs no confirmation.
  async signUp(username) {
    await this.go("/sign-up?with=username");
    await this.send("/sign-up", { username, password: PASSWORD });
  }

  async signOut() {
    // The check of a page opens the menu.
    if (!(await this.has(".menu[open]"))) await this.page.click(".menu summary");
    await this.send("/auth/sign-out");
  }

  async signIn(username, password) {
    await this.go("/sign-in");
    await this.send("/sign-in", { username, password });
  }
}
