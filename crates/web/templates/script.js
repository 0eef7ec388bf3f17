// What a script adds to pages. Every page works without it.
const { lang } = document.documentElement;
// The reader's own form of the page's language, such as en-GB.
const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? lang;

const buttonAfter = (element, className) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  element.after(button);
  return button;
};

const enhance = (root) => {
  // Times in the reader's time zone.
  for (const time of root.querySelectorAll("time")) {
    time.title = time.textContent;
    const dateStyle = "time" in time.dataset ? undefined : "long";
    const timeStyle = "day" in time.dataset ? undefined : "short";
    time.textContent = new Date(time.dateTime).toLocaleString(locale, { dateStyle, timeStyle });
  }
  // Browsers have a clipboard at https and at localhost only.
  for (const source of navigator.clipboard ? root.querySelectorAll("[data-copy]") : []) {
    const button = buttonAfter(source, "quiet");
    button.textContent = source.dataset.copy;
    // Before the buttons that follow.
    const actions = button.nextElementSibling;
    if (actions?.matches(".actions")) actions.prepend(button);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(source.innerText.trim());
      button.textContent = source.dataset.copied;
    });
  }
  for (const source of root.querySelectorAll("[data-print]")) {
    const button = buttonAfter(source, "quiet");
    button.textContent = source.dataset.print;
    button.addEventListener("click", () => print());
  }
};
enhance(document);

// A button to show the password in each password field.
for (const field of document.querySelectorAll("input[type=password][data-show]")) {
  const button = buttonAfter(field, "show");
  button.setAttribute("aria-controls", field.id);
  const show = (isShown) => {
    field.type = isShown ? "text" : "password";
    // The label names what the button does next, so there is no aria-pressed.
    button.textContent = isShown ? field.dataset.hide : field.dataset.show;
  };
  show(false);
  button.addEventListener("click", () => show(field.type === "password"));
  // Hidden before it is sent, so that the browser does not remember it as text.
  field.form.addEventListener("submit", () => show(false));
  // Hidden again if the user returns to the page.
  addEventListener("pagehide", () => show(false));
}

// The person's menu closes with Escape, and with a click beside it.
const menu = document.querySelector(".menu");
addEventListener("click", ({ target }) => {
  if (menu && !menu.contains(target)) menu.open = false;
});
addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || !menu?.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// A form is sent once. Its button is disabled after the browser has read its value, until the user returns to the page or stops
// loading the next one, or for ten seconds; for one, if the response opens in another tab.
const enableButtons = () => {
  for (const button of document.querySelectorAll("button:disabled")) {
    button.textContent = button.dataset.label ?? button.textContent;
    button.disabled = false;
  }
};
addEventListener("submit", (event) => {
  const button = event.submitter;
  setTimeout(() => {
    if (!button || event.defaultPrevented) return;
    button.dataset.label = button.textContent;
    button.textContent = document.body.dataset.wait;
    button.disabled = true;
    setTimeout(enableButtons, event.target.hasAttribute("target") ? 1000 : 10_000);
  });
});
addEventListener("pageshow", enableButtons);
window.navigation?.addEventListener("navigateerror", enableButtons);

// A link that loads the page again, and with a script only the part of it that it names. So does a return to the window.
const refresh = document.querySelector("[data-refresh]");
const load = (event) => {
  event.preventDefault();
  const id = refresh.dataset.refresh;
  // The browser parses the response, which Trusted Types allow.
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.addEventListener("load", () => {
    const part = request.response?.getElementById(id);
    const shown = document.getElementById(id);
    const items = (region) => Array.from(region.querySelectorAll("[id]"), (item) => item.id).join();
    // The same items stay, so that the focus does.
    if (!part || items(part) === items(shown)) return;
    shown.replaceWith(part);
    enhance(part);
  });
  request.send();
};
if (refresh) {
  refresh.addEventListener("click", load);
  addEventListener("focus", load);
}
