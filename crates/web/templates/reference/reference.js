// What a script adds to the API reference: a field that finds operations, and forms that send requests. The page is in English only.

// What other servers call it.
const OTHER_WORDS = {
  "2fa": "factor",
  login: "sign in",
  logout: "sign out",
  mfa: "factor",
  otp: "factor",
  register: "sign up",
  refresh: "renew",
  reset: "recover",
  signin: "sign in",
  signout: "sign out",
  signup: "sign up",
  totp: "factor",
};

const search = document.querySelector("[role=search]");
const filter = search.querySelector("input");
const spaced = (text) => text.toLowerCase().replace(/[^a-z0-9_]+/g, " ");
const operations = Array.from(document.querySelectorAll(".operation"), (part) => {
  const details = part.parentElement;
  const section = details.closest("section").querySelector("h2").textContent;
  const summary = details.querySelector("summary").textContent;
  return { details, head: spaced(` ${section} ${summary}`), all: details.textContent.toLowerCase() };
});
const show = () => {
  const typed = filter.value.toLowerCase().match(/\S+/g) ?? [];
  const words = typed.flatMap((word) => (OTHER_WORDS[word] ?? word).split(" "));
  const isInHead = ({ head }) => words.every((word) => head.includes(spaced(` ${word}`)));
  const isAnywhere = ({ all }) => words.every((word) => all.includes(word));
  // Fields and problems count only if no path or summary has the words.
  const matches = operations.some(isInHead) ? isInHead : isAnywhere;
  let count = 0;
  for (const operation of operations) {
    operation.details.hidden = !matches(operation);
    if (!operation.details.hidden) count += 1;
  }
  for (const part of document.querySelectorAll("main > nav, main > section")) {
    part.hidden = words.length > 0 && !part.querySelector("details:has(.operation):not([hidden])");
  }
  search.querySelector("[role=status]").textContent = words.length ? `${count} of ${operations.length} operations` : "";
};
search.hidden = false;
filter.addEventListener("input", show);
// The browser fills the field in again when the user returns to the page.
addEventListener("pageshow", show);

// Requests to this server, with the token of a session that began on this page. The cookie is never sent. Only the responses that
// contain a session token have the id of the session, too.
let token;
for (const form of document.querySelectorAll(".try")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { path, body } = form.elements;
    const headers = {};
    if (body) headers["Content-Type"] = "application/json";
    if (token && "session" in form.dataset) headers.Authorization = `Bearer ${token}`;
    const output = form.querySelector("output");
    output.hidden = false;
    output.textContent = "Sending…";
    try {
      const request = { method: form.dataset.method, headers, body: body?.value, credentials: "omit" };
      const response = await fetch(path.value, request);
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("Content-Type"));
      const content = isJson ? JSON.parse(text) : undefined;
      if (content?.session_id) token = content.token;
      const shown = content ? JSON.stringify(content, undefined, 2) : text;
      output.textContent = `${response.status} ${response.statusText}\n${shown}`.trim();
    } catch (error) {
      output.textContent = `No response: ${error.message}`;
    }
  });
}
