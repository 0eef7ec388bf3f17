// Looks a page over, and gives back what is wrong with it, in words.
const complaints = [];
const about = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);
const all = (selector) => [...document.querySelectorAll(selector)];
const root = document.documentElement;

for (const details of all("details")) details.open = true;

if (!["en", "de"].includes(root.lang)) complaints.push(`lang is "${root.lang}"`);
if (!/^.+ · Doorward$/.test(document.title)) complaints.push(`the title is "${document.title}"`);
if (all("h1").length !== 1) complaints.push(`${all("h1").length} h1`);
if (all("main").length !== 1) complaints.push(`${all("main").length} main`);
if (all("[style], style, iframe, object, embed").length) complaints.push("style or a frame in the page");
if (all("script").some((script) => script.text || !/\/assets\/script-[\w-]{12}\.js$/.test(script.src))) complaints.push("script in the page");
if (root.scrollWidth > root.clientWidth) {
  const wide = all("body *").filter((element) => element.getBoundingClientRect().right > root.clientWidth);
  complaints.push(`wider than the screen (${root.scrollWidth} > ${root.clientWidth}): ${wide.slice(0, 3).map(about)}`);
}

let level = 0;
for (const heading of all("h1, h2, h3, h4")) {
  const next = Number(heading.tagName[1]);
  if (next > level + 1) complaints.push(`a heading is skipped before ${about(heading)}`);
  level = next;
}
for (const input of all("input:not([hidden], [type=hidden]), select, textarea")) {
  if (![...input.labels].some((label) => label.innerText.trim())) complaints.push(`no label: ${about(input)}`);
  if (!input.autocomplete) complaints.push(`no autocomplete: ${about(input)}`);
}
for (const named of all("button, a")) {
  if (!named.innerText.trim()) complaints.push(`no name: ${about(named)}`);
}
// A button at each password that shows it, where scripts run (P-11).
for (const field of all("input[type=password]")) {
  const button = field.nextElementSibling;
  const isSound = button?.matches("button[type=button][aria-pressed=false]") && button.getAttribute("aria-controls") === field.id;
  if (!isSound) complaints.push(`no button to show it: ${about(field)}`);
}
for (const image of all("img:not([alt])")) complaints.push(`no alt: ${about(image)}`);
for (const target of all("button, .button, input:not([hidden], [type=hidden])")) {
  if (target.getBoundingClientRect().height < 44) complaints.push(`too small to touch: ${about(target)}`);
}
const ids = all("[id]").map((element) => element.id);
if (new Set(ids).size !== ids.length) complaints.push("an id stands twice");
for (const attribute of ["aria-describedby", "aria-labelledby"]) {
  for (const element of all(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(" ")) {
      if (!document.getElementById(id)) complaints.push(`${attribute} leads nowhere: ${about(element)}`);
    }
  }
}
// What is wrong is in sight and has the focus, on a phone too.
if (all("[autofocus]").length) {
  const place = document.activeElement.getBoundingClientRect();
  if (!document.activeElement.hasAttribute("autofocus") || place.top < 0 || place.bottom > innerHeight) {
    complaints.push("what is wrong with the form is not in sight");
  }
}

// Contrast (WCAG 2.2, 1.4.3) of each text with what is behind it.
const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
const luminance = (colour) => {
  const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
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
  const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) complaints.push(`contrast ${contrast.toFixed(2)}: ${about(element)}`);
}
return complaints;
