// Every state of every page at each width, with a picture of each and axe's results: English pages also in dark, at the
// smallest and the largest width; German ones only in light, since the colors are the same.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkPage, LANGUAGES } from "./page_checks.mjs";
import * as walks from "./walks.mjs";

const WIDTHS = [360, 768, 1440];
const FOLDER = process.env.DOORWARD_TEST_PICTURES;

async function visitAll(language, options, ...more) {
  const folder = join(FOLDER, language);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const [results, defects] = [[], []];
  let number = 100;
  const look = async (browser, name, wanted) => {
    const state = `${++number} ${name}`;
    const visit = async ({ width, colorScheme, results: { violations, incomplete } }) => {
      results.push({ state, width, colorScheme, violations, incomplete });
      await browser.page.screenshot({ path: join(folder, `${state}, ${width} ${colorScheme}.png`), fullPage: true, caret: "initial" });
    };
    // A page in English only has no choice of another language.
    const lang = await browser.attribute("html", "lang");
    if (lang !== language && (await browser.has("form.languages"))) defects.push(`${state}: in ${lang}`);
    const brand = name.startsWith("brand") ? "Example Club" : "Doorward";
    const found = await checkPage(browser, { wanted, widths: WIDTHS, brand, visit, ...options });
    defects.push(...found.map((defect) => `${state}: ${defect}`));
  };
  try {
    const { walk, walkFactors, walkEnrolment, walkRest, walkInvitation, walkConsole, walkBrand } = walks;
    for (const step of [walk, walkFactors, walkEnrolment, walkRest, walkInvitation, walkConsole, walkBrand]) await step(language, look);
    for (const step of more) await step(look);
  } finally {
    writeFileSync(join(folder, "axe.json"), JSON.stringify(results, null, 1));
    writeFileSync(join(FOLDER, "index.html"), contactSheet());
  }
  assert.deepEqual(defects, []);
}

// A page with all pictures: a row for each state.
function contactSheet() {
  const sections = Object.keys(LANGUAGES).map((language) => {
    const files = existsSync(join(FOLDER, language)) ? readdirSync(join(FOLDER, language)) : [];
    const pictures = files.filter((name) => name.endsWith(".png")).sort(new Intl.Collator("en", { numeric: true }).compare);
    const states = Map.groupBy(pictures, (name) => name.slice(0, name.lastIndexOf(",")));
    const rows = [...states].map(([state, names]) => {
      const links = names.map((name) => `<a href="${language}/${encodeURIComponent(name)}"><img loading="lazy" alt="${name}" src="${language}/${encodeURIComponent(name)}"></a>`);
      return `<h2>${state}</h2><p>${links.join("\n")}</p>`;
    });
    return `<h1>${language}</h1>${rows.join("\n")}`;
  });
  const style = "body{font:14px system-ui;background:#888} p{display:flex;gap:8px;align-items:start} img{max-height:420px;max-width:420px}";
  return `<!doctype html><meta charset="utf-8"><title>Pages</title><style>${style}</style>${sections.join("\n")}`;
}

export const every_state_passes_the_checks_in_english = () => visitAll("en", {}, walks.walkDocuments);
export const every_state_passes_the_checks_in_german = () => visitAll("de", { colorSchemes: ["light"] });
