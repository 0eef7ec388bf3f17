// Checks a page and returns the defects as text.
const defects = [];
const about = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);
const all = (selector) => [...document.querySelectorAll(selector)];
const root = document.documentElement;

for (const details of all("details")) details.open = true;

if (!["en", "de"].includes(root.lang)) defects.push(`lang is "${root.lang}"`);
if (!/^.+ · Doorward$/.test(document.title)) defects.push(`the title is "${document.title}"`);
if (all("h1").length !== 1) defects.push(`${all("h1").length} h1`);
if (all("main").length !== 1) defects.push(`${all("main").length} main`);
if (all("[style], style, iframe, object, embed").length) defects.push("style or a frame in the page");
if (all("script").some((script) => script.text || !/\/assets\/script-[\w-]{12}\.js$/.test(script.src))) defects.push("script in the page");
if (root.scrollWidth > root.clientWidth) {
  const wide = all("body *").filter((element) => element.getBoundingClientRect().right > root.clientWidth);
  defects.push(`wider than the screen (${root.scrollWidth} > ${root.clientWidth}): ${wide.slice(0, 3).map(about)}`);
}

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
for (const image of all("img:not([alt])")) defects.push(`no alt: ${about(image)}`);
for (const target of all("button, .button, input:not([hidden], [type=hidden])")) {
  if (target.getBoundingClientRect().height < 44) defects.push(`too small to touch: ${about(target)}`);
}
const ids = all("[id]").map((element) => element.id);
if (new Set(ids).size !== ids.length) defects.push("a duplicate id");
for (const attribute of ["aria-describedby", "aria-labelledby"]) {
  for (const element of all(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(" ")) {
      if (!document.getElementById(id)) defects.push(`${attribute} refers to no element: ${about(element)}`);
    }
  }
}
// The error is visible and has the focus, on a phone too.
if (all("[autofocus]").length) {
  const place = document.activeElement.getBoundingClientRect();
  if (!document.activeElement.hasAttribute("autofocus") || place.top < 0 || place.bottom > innerHeight) {
    defects.push("the error of the form is not visible");
  }
}

// Contrast (WCAG 2.2, 1.4.3) of each text with its background.
const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
const luminance = (colour) => {
  const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (channels(colour)[3] !== 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const elements = new Set(all("input:not([hidden], [type=hidden])"));
while (texts.nextNode()) if (texts.currentNode.data.trim()) elements.add(texts.currentNode.parentElement);
for (const element of elements) {
  if (!element.checkVisibility()) continue;
  const [a, b] = [luminance(getComputedStyle(element).color), luminance(background(element))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) defects.push(`contrast ${contrast.toFixed(2)}: ${about(element)}`);
}
return defects;
