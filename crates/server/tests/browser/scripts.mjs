// Scripts: Doorward's own on its pages, and those of other origins with its responses.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Browser, PASSWORD, until } from "../../../testkit/browser/browser.mjs";
import { findErrors } from "./page_checks.mjs";
import { WITH_ADMIN } from "./walks.mjs";

export async function a_password_can_be_shown_and_hidden() {
  const browser = await Browser.open();
  await browser.go("/");
  await browser.fill("#password", "three boats");
  const button = browser.page.locator("#password + button");
  const expect = async (type, label) => {
    const field = browser.page.locator("#password");
    const seen = [await field.getAttribute("type"), await field.inputValue(), await button.innerText(), await button.getAttribute("aria-controls")];
    assert.deepEqual(seen, [type, "three boats", label, "password"]);
  };
  await expect("password", "Show password");
  await button.click();
  await expect("text", "Hide password");
  await browser.page.evaluate(() => document.forms[0].addEventListener("submit", (event) => event.preventDefault()));
  await browser.fill("#username", "ben");
  await browser.page.press("#username", "Enter");
  await expect("password", "Show password");
}

export async function without_scripts_there_is_no_button_to_show_the_password() {
  const browser = await Browser.open({ script: false });
  await browser.go("/");
  assert.deepEqual([await browser.has("#password"), await browser.has(".show")], [true, false]);
}

export async function a_form_is_sent_once() {
  const browser = await Browser.open();
  await browser.go("/sign-in");
  // The server does not answer, so that the page stays.
  await browser.page.route("**/sign-in", (route) => (route.request().method() === "POST" ? undefined : route.continue()));
  const seen = await browser.page.evaluate(() => new Promise((resolve) => {
    const form = document.querySelector("form[action='/sign-in']");
    const button = form.querySelector("button:not(.show)");
    const look = () => [button.textContent, button.disabled];
    const all = [look()];
    form.noValidate = true;
    // Ten seconds pass at once.
    const [start, ended] = [setTimeout, []];
    window.setTimeout = (run, time) => (time === 10_000 ? ended.push(run) : start(run, time));
    const endings = [
      () => dispatchEvent(new PageTransitionEvent("pageshow")),
      () => navigation.dispatchEvent(new Event("navigateerror")),
      () => ended.forEach((run) => run()),
    ];
    form.addEventListener("submit", () => start(() => start(() => {
      all.push(look());
      stop();
      endings.shift()();
      all.push(look());
      if (endings.length === 0) return resolve(all);
      button.click();
    })));
    button.click();
  }));
  const [before, sent] = [["Sign in", false], ["Please wait", true]];
  assert.deepEqual(seen, [before, sent, before, sent, before, sent, before]);
}

export async function times_are_in_the_time_zone_of_the_reader() {
  const timeZone = "Asia/Kolkata";
  const browser = await Browser.open({ language: "en-GB", timezoneId: timeZone });
  await browser.signUp("ben");
  // The account shows the time of another sign-in.
  await browser.page.context().clearCookies();
  await browser.signIn("ben", PASSWORD);
  const seen = await browser.page.evaluate((timeZone) => [...document.querySelectorAll("time")].map((time) => {
    const timeStyle = time.hasAttribute("data-day") ? undefined : "short";
    const expected = new Date(time.dateTime).toLocaleString("en-GB", { dateStyle: "long", timeStyle, timeZone });
    return { title: time.title, text: time.textContent, expected };
  }), timeZone);
  assert.ok(seen.length >= 2, JSON.stringify(seen));
  for (const { title, text, expected } of seen) {
    assert.equal(text, expected);
    assert.notEqual(title, "");
  }
  // With the time of the day.
  assert.ok(seen.some(({ title }) => title.endsWith(" UTC")), JSON.stringify(seen));
}

export async function the_days_of_the_totals_are_in_utc_in_any_time_zone() {
  const browser = await Browser.open({ variables: WITH_ADMIN, timezoneId: "Pacific/Pago_Pago" });
  // With another user, the page has totals.
  await browser.signUp("ben");
  await browser.page.context().clearCookies();
  await browser.go("/admin?by=day");
  const today = () => new Date().toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
  const days = [today()];
  await browser.send("/sign-in", { username: "admin", password: PASSWORD });
  days.push(today());
  const first = ".numbers tbody th";
  const day = await browser.page.textContent(first);
  assert.ok(days.includes(day), `${day}, ${days}`);
  // An hour is a time.
  await browser.go("/admin?by=hour");
  assert.ok(await browser.has(`${first} time`));
}

export async function the_menu_closes_with_escape_and_with_a_click_beside_it() {
  const browser = await Browser.open();
  await browser.signUp("ben");
  const { page } = browser;
  const isOpen = () => browser.has(".menu[open]");
  await page.click(".menu summary");
  assert.ok(await isOpen());
  await page.click(".menu p");
  assert.ok(await isOpen(), "after a click in it");
  await page.keyboard.press("Escape");
  assert.ok(!(await isOpen()), "after Escape");
  assert.equal(await page.evaluate(() => document.activeElement.localName), "summary");
  await page.keyboard.press("Enter");
  assert.ok(await isOpen());
  await page.click("h1");
  assert.ok(!(await isOpen()), "after a click beside it");
}

export async function recovery_codes_can_be_copied_printed_and_downloaded() {
  const browser = await Browser.open();
  await browser.signUp("ben");
  await browser.go("/account/factors");
  await browser.send("/account/factors");
  assert.ok(await browser.has("pre[data-copy] + button"));
  await browser.fill("#code", await browser.code());
  await browser.click("main form button");
  await browser.page.evaluate(() => {
    navigator.clipboard.writeText = async (text) => { window.copied = text; };
  });
  const button = "ul[data-copy] + .actions > :first-child";
  await browser.page.click(button);
  await until("the codes are copied", async () => (await browser.text(button)) === "Copied");
  const copied = (await browser.page.evaluate(() => window.copied)).split("\n");
  assert.equal(copied.length, 10);
  assert.equal(copied[0], await browser.recoveryCode(1));
  await browser.page.evaluate(() => { window.print = () => { window.printed = true; }; });
  await browser.page.click("[data-print] + button");
  assert.ok(await browser.page.evaluate(() => window.printed));
  const [download] = await Promise.all([browser.page.waitForEvent("download"), browser.page.click("a[download]")]);
  assert.equal(download.suggestedFilename(), "doorward-recovery-codes.txt");
  assert.equal(readFileSync(await download.path(), "utf8"), `${copied.join("\n")}\n`);
  assert.deepEqual(findErrors(browser), []);
}

export async function the_inbox_is_refreshed_in_place_and_shows_a_mail_in_a_frame() {
  const browser = await Browser.open();
  await browser.go("/inbox");
  await browser.expectText("#mails", "No mail yet.");
  const status = await browser.page.evaluate(async (password) => {
    window.stays = true;
    const body = JSON.stringify({ email: "ben@example.com", password });
    const answer = await fetch("/user", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    return answer.status;
  }, PASSWORD);
  assert.equal(status, 201);
  await until("the mail is in the list", async () => {
    await browser.page.click("[data-refresh]");
    return browser.has("#mails article");
  });
  assert.ok(await browser.page.evaluate(() => window.stays));
  await browser.click("#mails h2 a");
  await browser.expectHeading("Confirm your email address for Doorward");
  const headingOfMail = () => document.querySelector("iframe").contentDocument?.querySelector("h1")?.textContent;
  assert.equal(await until("the frame shows the mail", () => browser.page.evaluate(headingOfMail)), "Confirm your email address");
  assert.deepEqual(findErrors(browser), []);
  await browser.click("a[href$='?text']");
  await browser.expectText("pre", "confirm the address");
  await browser.go("/inbox");
  await browser.send("/inbox/clear");
  await browser.expectText("#mails", "No mail yet.");
}

export async function a_link_to_an_operation_of_the_api_reference_opens_it() {
  const browser = await Browser.open({ script: false });
  await browser.go("/docs#post-/auth");
  assert.ok(await browser.has("details[open] > [id='post-/auth']"));
  assert.ok(!(await browser.has("details[open] > [id='post-/user']")));
}

export async function the_operations_of_the_api_reference_can_be_filtered_and_their_commands_copied() {
  const browser = await Browser.open();
  await browser.go("/docs");
  const operations = () => browser.page.evaluate(() => [...document.querySelectorAll("summary:has(+ .operation) > code:first-child")].filter((code) => code.checkVisibility()).map((code) => code.textContent));
  const all = await operations();
  assert.ok(all.length > 40, all.join());
  await browser.fill("#filter", "Recovery_Codes  POST");
  assert.deepEqual(await operations(), ["POST /user/{user}/factor/{id}", "POST /user/{user}/recovery-codes"]);
  await browser.expectText("[role=status]", `2 of ${all.length} operations`);
  assert.deepEqual(await browser.page.evaluate(() => [...document.querySelectorAll("main h2, main > nav")].filter((part) => part.checkVisibility()).map((part) => part.id)), ["second-factors"]);
  await browser.fill("#filter", "logout");
  assert.deepEqual(await operations(), ["DELETE /auth", "GET /user/{user}/session", "DELETE /user/{user}/session", "DELETE /user/{user}/session/{id}"]);
  await browser.fill("#filter", "");
  assert.deepEqual(await operations(), all);
  await browser.page.evaluate(() => {
    navigator.clipboard.writeText = async (text) => { window.copied = text; };
  });
  await browser.page.focus("summary:has(+ [id='delete-/auth'])");
  await browser.page.keyboard.press("Enter");
  const button = "[id='delete-/auth'] pre + button";
  await browser.page.click(button);
  await until("the command is copied", async () => (await browser.text(button)) === "Copied");
  assert.match(await browser.page.evaluate(() => window.copied), /^curl -X DELETE "http:.*\/auth" \\\n  -H "Authorization: Bearer \$TOKEN"$/);
  const plain = await Browser.open({ script: false });
  await plain.go("/docs");
  assert.equal(await plain.page.isVisible("#filter"), false);
}

export async function on_ones_own_machine_the_api_reference_sends_requests_with_the_token_of_its_sign_in() {
  const browser = await Browser.open();
  await browser.go("/docs");
  const send = async (id, fields, status) => {
    const form = `[id='${id}'] .try`;
    await browser.page.evaluate((id) => { document.getElementById(id).parentElement.open = true; }, id);
    for (const [name, value] of Object.entries(fields)) await browser.fill(`${form} [name=${name}]`, value);
    await browser.page.click(`${form} button`);
    await until(`the response to ${id}`, async () => (await browser.text(`${form} output`)).startsWith(status));
    return browser.text(`${form} output`);
  };
  assert.match(await browser.value("[id='post-/user'] [name=body]"), /"password": "/);
  await send("get-/user/{user}", {}, "401 Unauthorized");
  const ada = JSON.stringify({ username: "ada", password: PASSWORD });
  await send("post-/user", { body: ada }, "201 Created");
  await send("post-/auth", { body: ada }, "201 Created");
  const user = await send("get-/user/{user}", {}, "200 OK");
  assert.match(user, /"username": "ada"/);
  await send("post-/auth/token", { body: JSON.stringify({ audience: "https://api.example" }) }, "200 OK");
  await send("get-/user/{user}", { path: "/user/eve" }, "403 Forbidden");
  assert.deepEqual(await browser.page.context().cookies(), []);
  assert.deepEqual(findErrors(browser), []);
}

export async function a_script_of_a_listed_origin_reads_responses_only_with_a_token() {
  const blankPage = async () => {
    const server = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html>")).unref();
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${server.address().port}`;
  };
  const [app, other] = [await blankPage(), await blankPage()];
  const browser = await Browser.open({ variables: { DOORWARD_CORS__ORIGINS: app } });
  // Requests a path with these options and returns the outcome.
  const ask = (path, options) =>
    browser.page.evaluate(async ([url, options]) => {
      try {
        const answer = await fetch(url, options);
        return [answer.status, (await answer.text()).length > 0, answer.headers.has("x-request-id")];
      } catch {
        return "refused";
      }
    }, [browser.url(path), options]);
  const headers = { Authorization: "Bearer x", "Content-Type": "application/json", "If-Match": '"1"' };
  for (const [origin, isNamed] of [[app, true], [other, false]]) {
    await browser.go(origin);
    const expected = (status) => (isNamed ? [status, true, true] : "refused");
    assert.deepEqual(await ask("/", {}), expected(200), origin);
    assert.deepEqual(await ask("/user/me", { method: "PATCH", headers, body: "{}" }), expected(401), origin);
    assert.equal(await ask("/", { credentials: "include" }), "refused", origin);
  }
}
