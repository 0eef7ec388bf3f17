// Every page passes the checks that find most defects; `matrix` has all of them, at each width and in each language.
import assert from "node:assert/strict";
import { Browser } from "../../../testkit/browser/browser.mjs";
import { checkPage } from "./page_checks.mjs";
import * as walks from "./walks.mjs";

const ON_A_PHONE = { widths: [360], checks: ["keyboard", "axe"] };

// Takes walks and returns the headings of their pages.
async function headings(options, ...steps) {
  const seen = [];
  const look = async (browser, name) => {
    seen.push(await browser.text("h1"));
    assert.deepEqual(await checkPage(browser, options), [], name);
  };
  for (const step of steps) await step(look);
  return seen;
}

export async function every_page_passes_the_checks_on_a_phone_in_both_color_schemes_and_by_keyboard() {
  const seen = await headings(ON_A_PHONE, (look) => walks.walk("en", look));
  assert.equal(seen[0], "Sign in");
}

export async function every_page_for_developers_passes_the_checks() {
  // Axe takes long for the reference, a page with every operation.
  await headings({ checks: ["keyboard", "settings"] }, walks.walkDocuments);
}

export async function every_page_of_second_factors_passes_the_checks() {
  const seen = await headings(ON_A_PHONE, (look) => walks.walkFactors("en", look), (look) => walks.walkEnrolment("en", look));
  assert.equal(seen[0], "Two-factor sign-in");
}

export async function pages_with_a_pale_brand_pass_the_checks() {
  await headings({ brand: "Example Club" }, (look) => walks.walkBrand("en", look));
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
    console.error("broken");
  });
  const defects = await checkPage(browser);
  for (const kind of ["not reached", "wider than the screen", "no label", "color-contrast", "covered", "error: broken"]) {
    assert.ok(defects.some((defect) => defect.includes(kind)), `no ${kind} in ${defects.join("\n")}`);
  }
}
