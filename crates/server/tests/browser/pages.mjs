// Every page passes the checks that find most defects; `matrix` has all of them, at each width and in each language.
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Browser, PASSWORD } from "../../../testkit/browser/browser.mjs";
import { checkPage } from "./page_checks.mjs";
import * as walks from "./walks.mjs";

const ON_A_PHONE = { widths: [360], checks: ["keyboard", "axe"] };

// Takes walks whose pages pass the checks.
async function passChecks(options, ...steps) {
  const look = async (browser, name, wanted) => assert.deepEqual(await checkPage(browser, { ...options, wanted }), [], name);
  for (const step of steps) await step(look);
}

export async function every_page_passes_the_checks_on_a_phone_in_both_color_schemes_and_by_keyboard() {
  await passChecks(ON_A_PHONE, (look) => walks.walk("en", look), (look) => walks.walkInvitation("en", look));
}

export async function every_page_for_developers_passes_the_checks() {
  // Axe takes long for the reference, a page with every operation.
  await passChecks({ checks: ["keyboard", "settings"] }, walks.walkDocuments);
}

export async function every_page_of_second_factors_passes_the_checks() {
  await passChecks(ON_A_PHONE, (look) => walks.walkFactors("en", look), (look) => walks.walkEnrolment("en", look));
}

export async function every_page_of_the_console_passes_the_checks_on_a_phone_in_both_color_schemes_and_by_keyboard() {
  await passChecks(ON_A_PHONE, (look) => walks.walkConsole("en", look));
}

export async function pages_with_a_pale_brand_pass_the_checks() {
  await passChecks({ brand: "Example Club" }, (look) => walks.walkBrand("en", look));
}

export async function on_a_phone_a_long_brand_fits_and_what_needs_doing_comes_before_the_sections() {
  const brand = "Example Donaudampfschifffahrtsgesellschaft Accounts";
  const browser = await Browser.open({ variables: { DOORWARD_BRAND__NAME: brand, DOORWARD_ADMIN__PASSWORD: PASSWORD } });
  await browser.go("/");
  assert.deepEqual(await checkPage(browser, { brand, checks: [] }), []);
  await browser.signUp("ben");
  assert.deepEqual(await checkPage(browser, { brand, checks: [] }), []);
  // For the eye and for the keyboard.
  const top = async (css) => (await browser.page.locator(css).boundingBox()).y;
  assert.ok((await top("[aria-labelledby=tasks]")) < (await top("nav")));
  const focused = [];
  await browser.page.focus(".menu summary");
  for (let count = 0; count < 12; count += 1) {
    await browser.page.keyboard.press("Tab");
    focused.push(await browser.page.evaluate(() => document.activeElement.closest("nav, section")?.localName));
  }
  assert.ok(focused.indexOf("section") < focused.indexOf("nav"), focused.join());
  // Large text has large icons, and room for whole words.
  await browser.page.setViewportSize({ width: 360, height: 780 });
  const iconWidth = async () => (await browser.page.locator("nav .icon").last().boundingBox()).width;
  assert.equal(await iconWidth(), 20);
  await browser.page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
  assert.equal(await iconWidth(), 40);
  const lines = () => {
    const { firstChild } = document.querySelector("[aria-labelledby=tasks] li span");
    return firstChild.data.split(/(?<=[ -])/).map((word, index, words) => {
      const range = document.createRange();
      const start = words.slice(0, index).join("").length;
      range.setStart(firstChild, start);
      range.setEnd(firstChild, start + word.trimEnd().length);
      return [word, range.getClientRects().length];
    });
  };
  const broken = (await browser.page.evaluate(lines)).filter(([, count]) => count > 1);
  assert.deepEqual(broken, []);
  // In the console, too.
  await browser.page.context().clearCookies();
  await browser.go("/admin");
  await browser.send("/sign-in", { username: "admin", password: PASSWORD });
  assert.ok((await top("[aria-labelledby=attention]")) < (await top("nav")));
}

export async function a_page_with_faults_fails_the_checks() {
  const browser = await Browser.open();
  await browser.go("/sign-in");
  await browser.page.evaluate(() => {
    const add = (name, properties, style = {}) => Object.assign(document.querySelector("main").appendChild(Object.assign(document.createElement(name), properties)).style, style);
    add("input", {}, { inlineSize: "30rem" });
    add("a", { href: "/", textContent: "unreachable", tabIndex: -1 });
    add("p", { textContent: "pale" }, { color: "#ccc" });
    add("p", { textContent: "above" }, { marginBlockEnd: "-3rem" });
    add("p", { textContent: "below" });
    add("button", { textContent: "small", id: "username" }, { minBlockSize: "0", padding: "0" });
    add("a", { href: "/", textContent: "without a focus ring" }, { outline: "none" });
    add("p", { textContent: "too long" }, { inlineSize: "2rem", overflow: "hidden", whiteSpace: "nowrap" });
    add("h4", { textContent: "skipped" });
    console.error("broken");
  });
  const defects = await checkPage(browser, { wanted: "#missing" });
  const kinds = [
    "no #missing", "not reached", "no visible focus", "wider than the screen", "cut off", "covered", "heading is skipped", "no label",
    "too small to touch", "duplicate id", "color-contrast", "error: broken",
  ];
  for (const kind of kinds) {
    assert.ok(defects.some((defect) => defect.includes(kind)), `no ${kind} in ${defects.join("\n")}`);
  }
}

export async function the_first_page_is_small() {
  const browser = await Browser.open();
  const responses = [];
  browser.page.on("response", (response) => responses.push(response));
  await browser.page.goto(browser.url("/sign-in"), { waitUntil: "networkidle" });
  const loaded = await Promise.all(responses.map(async (response) => [new URL(response.url()).pathname, await response.body()]));
  const packed = (name) => gzipSync(loaded.find(([path]) => path.startsWith(`/assets/${name}-`))[1]).length;
  assert.ok(packed("style") <= 5 * 1024, `the stylesheet has ${packed("style")} bytes`);
  assert.ok(packed("script") <= 3 * 1024, `the script has ${packed("script")} bytes`);
  const all = loaded.reduce((sum, [, body]) => sum + body.length, 0);
  assert.ok(all <= 30 * 1024, `the page has ${all} bytes`);
}
