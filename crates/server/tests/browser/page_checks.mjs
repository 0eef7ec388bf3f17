// Checks that hold for every page: with axe, with own rules, by keyboard, and with what users set in their systems.
import { readFileSync } from "node:fs";
import { require } from "../../../testkit/browser/browser.mjs";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
// The tag of each language, and how the title of a page with an error begins.
export const LANGUAGES = { en: "Error:", de: "Fehler:" };
const HEIGHTS = { 360: 780, 768: 1024, 1440: 900 };

// Returns the defects of the current page. What is quick to check is always checked, the rest is `checks`. `visit` gets
// axe's results at each width and in these color schemes; in dark at the first and the last width. `wanted` is a selector
// that the page has in the expected state.
export async function checkPage(browser, { wanted = "h1", checks = ["keyboard", "axe", "settings"], widths = [360, 1440], colorSchemes = ["light", "dark"], brand = "Doorward", visit = () => {} } = {}) {
  const { page } = browser;
  const found = [];
  const note = (where, defects) => found.push(...defects.map((defect) => `${where}: ${defect}`));
  if (!(await browser.has(wanted))) found.push(`another state: no ${wanted}`);
  await page.setViewportSize({ width: 360, height: 780 });
  // The keyboard first, since the next checks open what is folded.
  if (checks.includes("keyboard")) note("keyboard", await checkKeyboard(page));
  for (const width of widths) {
    if (width !== 360) await page.setViewportSize({ width, height: HEIGHTS[width] });
    note(width, await page.evaluate(findDefects, { brand, languages: LANGUAGES }));
    note(width, await page.evaluate(findOverflow));
    const isOuter = [widths.at(0), widths.at(-1)].includes(width);
    for (const colorScheme of checks.includes("axe") ? colorSchemes : []) {
      if (colorScheme === "dark" && !isOuter) continue;
      await page.emulateMedia({ colorScheme });
      const results = await runAxe(page, colorScheme);
      note(`${width} ${colorScheme}`, results.violations.flatMap(describe));
      await visit({ width, colorScheme, results });
    }
  }
  await checkLargeText(page, note);
  if (checks.includes("settings")) await checkSettings(page, note);
  note("console", findErrors(browser));
  return found;
}

// Every rule of axe, those of WCAG 2.2 AA and best practices; in the second color scheme, those about colors.
async function runAxe(page, colorScheme) {
  if (await page.evaluate(() => !window.axe)) await page.evaluate(AXE);
  const all = { rules: { "target-size": { enabled: true } } };
  const colors = { runOnly: ["color-contrast", "link-in-text-block"] };
  const options = { resultTypes: ["violations"], selectors: false, ...(colorScheme === "dark" ? colors : all) };
  return page.evaluate((options) => axe.run(options), options);
}

const describe = ({ id, help, nodes }) => nodes.map(({ html, any }) => `${id}: ${help}: ${html.slice(0, 120)} ${any[0]?.message ?? ""}`);

// Tabs through the page: everything gets the focus, and shows it. The error of a form has it from the start.
async function checkKeyboard(page) {
  // A browser sets the focus with the first frame.
  const hasFocus = () => [document.activeElement, null].includes(document.querySelector("[autofocus]"));
  await page.waitForFunction(hasFocus, null, { timeout: 5_000 }).catch(() => {});
  const count = await page.evaluate(() => {
    const start = document.querySelector("[autofocus]");
    window.unfocused = start && document.activeElement !== start ? ["the focus is not at [autofocus]"] : [];
    window.focused = new Set([document.activeElement]);
    document.addEventListener("focusin", ({ target }) => {
      focused.add(target);
      const { outlineStyle } = getComputedStyle(target);
      if (outlineStyle === "none") unfocused.push(`no visible focus: ${target.outerHTML.slice(0, 120)}`);
    });
    window.reachable = () => [...document.querySelectorAll("a, button, summary, input:not([hidden]), select")].filter((e) => e.checkVisibility());
    // A field for a date has a part each for the day, the month and the year, and a button.
    const parts = 3 * document.querySelectorAll("[type=date]").length;
    // If a field or an error has the focus already, the first round starts in the middle.
    return (reachable().length + parts) * (start ? 2 : 1) + 2;
  });
  await Promise.all(Array.from({ length: count }, () => page.keyboard.press("Tab")));
  return page.evaluate(() => {
    const missed = reachable().filter((element) => !focused.has(element));
    return [...unfocused, ...missed.map((element) => `not reached: ${element.outerHTML.slice(0, 120)}`)];
  });
}

// Text of twice the size, and a window that is narrow or enlarged to 400 %.
async function checkLargeText(page, note) {
  await page.setViewportSize({ width: 360, height: 780 });
  await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
  note("text of 200 %", await findAllLosses(page));
  await page.evaluate(() => document.documentElement.removeAttribute("style"));
  await page.setViewportSize({ width: 320, height: 640 });
  note("320 px", await findAllLosses(page));
}

const findAllLosses = async (page) => [...(await page.evaluate(findLosses)), ...(await page.evaluate(findOverflow))];

// What users set in their systems, and paper.
async function checkSettings(page, note) {
  await page.emulateMedia({ forcedColors: "active", colorScheme: "dark", reducedMotion: "reduce" });
  note("forced colors", await findAllLosses(page));
  note("forced colors, less motion", await page.evaluate(findIgnoredSettings));
  await page.emulateMedia({ forcedColors: null, colorScheme: null, reducedMotion: null, media: "print" });
  note("paper", await findAllLosses(page));
  await page.setViewportSize({ width: 1120, height: 790 });
  note("paper on its side", await page.evaluate(findPrintFaults));
  await page.emulateMedia({ media: null });
}

// Errors, reports of the CSP and requests to other hosts since the last call. Hints and warnings are not failures: each
// version of Chromium has others. Expected is only that a page has a 4xx status.
export function findErrors(browser) {
  const isRefusal = (line) => line.includes("the server responded with a status of 4") && !line.includes("/assets/") && !line.includes("favicon");
  const errors = browser.console.filter((line) => (line.startsWith("error") || /security.policy/i.test(line)) && !isRefusal(line));
  const requests = browser.requests.filter((url) => !url.startsWith("data:") && !url.startsWith(browser.url("/")));
  browser.console.length = browser.requests.length = 0;
  return [...errors, ...requests.map((url) => `a request to ${url}`)];
}

// The functions below run in the page.

// A page that has to be scrolled to the side.
function findOverflow() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > clientWidth);
  return [`wider than the screen (${scrollWidth} > ${clientWidth}): ${wide.slice(0, 3).map((element) => element.outerHTML.slice(0, 120))}`];
}

// On paper, buttons are of no use, and the account area has no menu beside its text.
function findPrintFaults() {
  const buttons = [...document.querySelectorAll("button, .button")].filter((element) => element.checkVisibility());
  const width = document.querySelector(".account main")?.clientWidth ?? innerWidth;
  const narrow = width < innerWidth / 2 ? [`the text is ${width} px wide`] : [];
  return [...narrow, ...buttons.map((button) => `printed: ${button.outerHTML.slice(0, 120)}`)];
}

// Text that is cut off or covered.
function findLosses() {
  const found = [];
  const about = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);
  // The menu lies above the page.
  document.querySelector(".menu")?.removeAttribute("open");
  // And the link to the content, if it has the focus.
  document.activeElement.blur();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const boxes = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    for (const box of range.getClientRects()) boxes.push({ element, box });
    // A long name is shortened in the summary of the menu, and whole in the menu.
    for (let at = element; at && !at.matches(".menu summary bdi"); at = at.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(at);
      if ((overflowX === "hidden" || overflowX === "clip") && at.scrollWidth > at.clientWidth + 1) found.push(`cut off: ${about(at)}`);
      if ((overflowY === "hidden" || overflowY === "clip") && at.scrollHeight > at.clientHeight + 1) found.push(`cut off: ${about(at)}`);
    }
  }
  const name = document.querySelector(".menu summary bdi");
  if (name?.checkVisibility() && name.getBoundingClientRect().width < 20) found.push(`no room for the name: ${about(name)}`);
  boxes.sort((a, b) => a.box.top - b.box.top);
  for (const [index, a] of boxes.entries()) {
    for (const b of boxes.slice(index + 1)) {
      if (b.box.top > a.box.bottom) break;
      const [x, y] = [Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left), Math.min(a.box.bottom, b.box.bottom) - b.box.top];
      // Lines of text overlap a little.
      if (a.element !== b.element && x > 2 && y > 6) found.push(`covered: ${about(a.element)} by ${about(b.element)}`);
    }
  }
  return found;
}

// Controls in forced colors, but for native checkboxes, without an edge or the line below a link, a QR code that scanners cannot read, and animations.
function findIgnoredSettings() {
  const about = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);
  const controls = [...document.querySelectorAll("button:not([aria-current]), .button, input:not([type=checkbox]), select")].filter((element) => element.checkVisibility());
  const isBare = ({ borderBlockStartWidth, textDecorationLine }) => borderBlockStartWidth === "0px" && textDecorationLine === "none";
  const bare = controls.filter((element) => isBare(getComputedStyle(element)));
  const codes = [...document.querySelectorAll(".qr")].filter((code) => getComputedStyle(code).backgroundColor !== "rgb(255, 255, 255)");
  return [...bare, ...codes, ...document.getAnimations().map(({ effect }) => effect.target)].map(about);
}

// The defects of a page in this state. `brand` is the name at the end of its title.
function findDefects({ brand, languages }) {
  const defects = [];
  const about = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const root = document.documentElement;

  for (const details of all("details")) details.open = true;

  if (!(root.lang in languages)) defects.push(`lang is "${root.lang}"`);
  if (!document.title.endsWith(` · ${brand}`)) defects.push(`the title is "${document.title}"`);
  if (all("h1").length !== 1) defects.push(`${all("h1").length} h1`);
  if (all("main").length !== 1) defects.push(`${all("main").length} main`);
  if (all("[style], style, iframe, object, embed").length) defects.push("style or a frame in the page");
  if (all("script").some((script) => script.text || !/\/assets\/(script|reference)-[\w-]{12}\.js$/.test(script.src))) defects.push("script in the page");

  let level = 0;
  for (const heading of all("h1, h2, h3, h4")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) defects.push(`a heading is skipped before ${about(heading)}`);
    level = next;
  }
  for (const input of all("input:not([hidden], [type=hidden]), select, textarea")) {
    if (![...input.labels].some((label) => label.innerText.trim())) defects.push(`no label: ${about(input)}`);
    if (!input.autocomplete) defects.push(`no autocomplete: ${about(input)}`);
  }
  for (const named of all("button, a")) {
    if (!named.innerText.trim()) defects.push(`no name: ${about(named)}`);
  }
  // With scripts, each password field has a button that shows the password (P-11).
  for (const field of all("input[type=password]")) {
    const button = field.nextElementSibling;
    const isComplete = button?.matches("button[type=button]") && button.getAttribute("aria-controls") === field.id;
    if (!isComplete) defects.push(`no button to show the password: ${about(field)}`);
  }
  for (const target of all("button, .button, input:not([hidden], [type=hidden])")) {
    // The label around a checkbox can be touched as well.
    const area = target.closest("label") ?? target;
    if (area.getBoundingClientRect().height < 44) defects.push(`too small to touch: ${about(target)}`);
  }
  for (const form of all("main form")) {
    const [, ...parts] = [...form.children].filter((element) => element.checkVisibility());
    const close = parts.filter((element) => getComputedStyle(element).marginBlockStart === "0px");
    defects.push(...close.map((element) => `no space above ${about(element)}`));
  }
  const top = (selector) => document.querySelector(selector).getBoundingClientRect().top;
  if (all(".back").some((link) => !link.checkVisibility()) && top("h1") > top("main") + 1) defects.push("space above the heading");
  const ids = all("[id]").map((element) => element.id);
  if (new Set(ids).size !== ids.length) defects.push("a duplicate id");
  for (const attribute of ["aria-describedby", "aria-labelledby"]) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(" ")) {
        if (!document.getElementById(id)) defects.push(`${attribute} refers to no element: ${about(element)}`);
      }
    }
  }
  // What has the focus at the start is visible, and an error is in the title.
  const start = document.querySelector("[autofocus]");
  document.activeElement.blur();
  scrollTo(0, 0);
  start?.focus();
  const place = start?.getBoundingClientRect();
  if (place?.top < 0 || place?.bottom > innerHeight) defects.push(`not visible: ${about(start)}`);
  if (document.title.startsWith(`${languages[root.lang]} `) !== all(".notice[role=alert]").length > 0) defects.push(`the title is "${document.title}"`);
  return defects;
}
