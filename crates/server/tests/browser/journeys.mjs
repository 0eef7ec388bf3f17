// Whole journeys, with JavaScript disabled: every page works without it. The walks visit the same pages with it.
import assert from "node:assert/strict";
import { Browser, PASSWORD } from "../../../testkit/browser/browser.mjs";
import { invite, WITH_ADMIN } from "./walks.mjs";

async function signUpWithAddress(browser, email) {
  await browser.go("/sign-up");
  await browser.send("/sign-up", { email, password: PASSWORD });
  await browser.expectHeading("Check your email");
}

async function signUpToSignOut(script) {
  const browser = await Browser.open({ script });
  await browser.go("data:text/html,<title>off</title><script>document.title='on'</script>");
  assert.equal(await browser.page.title(), script ? "on" : "off");

  await signUpWithAddress(browser, "ben@example.com");
  await browser.expectText("main", "ben@example.com");
  await browser.click("a.button[href='/inbox']");
  await browser.openMail(1);
  await browser.expectHeading("Did you create this account?");
  await browser.click("main button");
  await browser.expectHeading("Hello, ben@example.com");

  await browser.click("dd a[href='/account/password']");
  await browser.send("/account/password", { current_password: "three goats on a lake", new_password: "four boats on a lake" });
  await browser.expectText("[role=alert]", "Wrong password.");
  await browser.send("/account/password", { current_password: PASSWORD, new_password: "four boats on a lake" });
  await browser.expectText("[role=status]", "Your password is changed.");

  await browser.signOut();
  await browser.expectText("[role=status]", "You are signed out.");
  await browser.signIn("Ben@example.com", PASSWORD);
  await browser.expectText("[role=alert]", "Wrong email, username or password");
  assert.deepEqual([await browser.value("#username"), await browser.value("#password")], ["Ben@example.com", ""]);
  await browser.send("/sign-in", { password: "four boats on a lake" });
  await browser.expectHeading("Hello, ben@example.com");
}

export const a_user_signs_up_confirms_and_is_signed_in_changes_the_password_and_signs_out_without_scripts = () => signUpToSignOut(false);
export const a_user_signs_up_confirms_and_is_signed_in_changes_the_password_and_signs_out_with_scripts = () => signUpToSignOut(true);

export async function a_user_signs_in_and_out_at_an_ip_address() {
  const browser = await Browser.open({ script: false });
  assert.ok(browser.home.includes("localhost"));
  browser.home = browser.home.replace("localhost", "127.0.0.1");
  await browser.signUp("ben");
  await browser.expectHeading("Hello, ben");
  await browser.signOut();
  await browser.expectText("[role=status]", "You are signed out.");
  await browser.send("/sign-in", { username: "ben", password: PASSWORD });
  await browser.expectHeading("Hello, ben");
  assert.ok(browser.page.url().startsWith(browser.home));
}

export async function cancelling_the_confirmation_deletes_the_account() {
  const browser = await Browser.open({ script: false });
  await signUpWithAddress(browser, "eve@example.com");
  await browser.signIn("eve@example.com", PASSWORD);
  await browser.expectText("[role=alert]", "isn't confirmed yet");
  await browser.openMail(1);
  await browser.click("button.quiet");
  await browser.expectText("[role=status]", "Thanks for letting us know");
  await browser.signIn("eve@example.com", PASSWORD);
  await browser.expectText("[role=alert]", "Wrong email, username or password");
}

export async function a_lost_password_is_replaced_by_an_acceptable_one() {
  const browser = await Browser.open({ script: false });
  await signUpWithAddress(browser, "ben@example.com");
  await browser.openMail(1);
  await browser.click("main button");
  await browser.signOut();

  await browser.click("a[href='/recover']");
  await browser.send("/recover", { email: "ben@example.com" });
  await browser.expectHeading("Check your email");
  await browser.openMail(2);
  const link = await browser.attribute("form", "action");
  await browser.send(link, { new_password: "password123" });
  await browser.expectText(".fault", "too common");
  assert.equal(await browser.value("#new_password"), "");
  await browser.send(link, { new_password: "four boats on a lake" });
  await browser.expectText("[role=status]", "Your password is changed.");
  await browser.go(link);
  await browser.expectHeading("This link no longer works");
  await browser.signIn("ben@example.com", "four boats on a lake");
  await browser.expectHeading("Hello, ben@example.com");
}

export async function a_rejected_sign_up_shows_the_form_with_its_values() {
  const browser = await Browser.open({ script: false });
  await browser.go("/sign-up?with=username");
  await browser.send("/sign-up", { username: "admin", name: "Zoe", password: PASSWORD });
  await browser.expectText("#username-fault", "taken");
  assert.equal(await browser.page.title(), "Error: Create your account · Doorward");
  const values = await Promise.all(["#username", "#name", "#password"].map((field) => browser.value(field)));
  assert.deepEqual(values, ["admin", "Zoe", ""]);
  await browser.send("/sign-up", { username: "<b>\"zoe'&amp;", password: "password123" });
  assert.equal(await browser.value("#username"), "<b>\"zoe'&amp;");
  await browser.expectText("#password-fault", "too common");
  // The errors above the form lead to its fields.
  await browser.page.click("[role=alert] a[href='#username']");
  assert.equal(await browser.page.evaluate(() => document.activeElement.id), "username");
  await browser.send("/sign-up", { username: "zoe", password: PASSWORD });
  await browser.expectHeading("Hello, Zoe");
}

export async function a_second_factor_is_added_and_used_without_scripts() {
  const browser = await Browser.open({ script: false, variables: { DOORWARD_FACTORS__REQUIRED: "everyone" } });
  await browser.signUp("zoe");
  await browser.expectHeading("Set up two-factor sign-in");
  await browser.click("main button");
  await browser.expectHeading("Set up your authenticator app");
  const code = await browser.code();
  await browser.fill("#code", code);
  await browser.click("main button");
  await browser.expectHeading("Save your recovery codes");
  const recovery = await browser.recoveryCode(7);
  await browser.click("main a.button:not(.quiet)");
  await browser.expectHeading("Hello, zoe");
  await browser.signOut();

  await browser.go("/auth?return_to=/account/factors");
  await browser.send("/sign-in", { username: "zoe", password: PASSWORD });
  await browser.expectHeading("Enter a code");
  await browser.send("/sign-in/factor", { code });
  await browser.expectText("[role=alert]", "Each code works once");
  await browser.send("/sign-in/factor", { code: recovery.toUpperCase().replace("-", " ") });
  await browser.expectHeading("Two-factor sign-in");
  await browser.expectText("main", "Unused recovery codes: 9.");
}

export async function a_user_changes_everything_in_the_account_area_without_scripts() {
  const browser = await Browser.open({ script: false });
  await browser.signUp("ben");
  // A second device.
  await browser.page.context().clearCookies();
  await browser.signIn("ben", PASSWORD);
  const open = async (section) => {
    await browser.go("/account");
    await browser.click(`nav a[href='/account/${section}']`);
  };

  await open("profile");
  await browser.send("/account/profile", { name: "Ben B." });
  await browser.expectText("[role=status]", "Saved.");
  await open("email");
  await browser.send("/account/email", { email: "ben@example.com", password: "three goats on a lake" });
  await browser.expectText("[role=alert]", "Wrong password.");
  assert.equal(await browser.value("#email"), "ben@example.com");
  await browser.send("/account/email", { password: PASSWORD });
  await browser.expectText("section[aria-labelledby=pending]", "ben@example.com");
  await browser.send("/account/email/send-again");
  await browser.expectText("[role=status]", "again");
  await browser.openMail(2);
  await browser.click("main button:not(.quiet)");
  await browser.expectText("[role=status]", "Your address is confirmed.");
  await browser.expectText("section[aria-labelledby=current]", "ben@example.com");

  await open("devices");
  await browser.expectText("h2", "2");
  await browser.click("a[href='/account/devices/sign-out-others']");
  await browser.send("/account/devices/sign-out-others");
  await browser.expectText("[role=status]", "signed out");
  await browser.expectText("h2", "1");
  await open("activity");
  await browser.expectText("ul.list", "Signed in");
  await open("data");
  const [download] = await Promise.all([browser.page.waitForEvent("download"), browser.page.click("a[download]")]);
  let text = "";
  for await (const part of await download.createReadStream()) text += part;
  assert.match(text, /"name": ?"Ben B\."/);

  await open("profile");
  await browser.page.selectOption("#locale", "de");
  await browser.send("/account/profile");
  await browser.expectHeading("Profil");
  await browser.signOut();
}

export async function a_user_deletes_the_account_and_keeps_it_by_signing_in() {
  const browser = await Browser.open({ script: false });
  await browser.signUp("ben");
  await browser.click("nav a[href='/account/delete']");
  await browser.expectHeading("Delete your account");
  await browser.send("/account/delete", { password: PASSWORD });
  await browser.expectText("[role=status]", "Your account will be deleted on");
  await browser.go("/account");
  await browser.expectHeading("Sign in");
  await browser.send("/sign-in", { username: "ben", password: PASSWORD });
  await browser.expectHeading("Your account will be deleted");
  await browser.send("/sign-in/keep-account", { password: PASSWORD });
  await browser.expectText("[role=status]", "Your account is not deleted.");
  await browser.send("/sign-in", { username: "ben", password: PASSWORD });
  await browser.expectHeading("Hello, ben");
}

// With the links in the mails about changes that the user has not made.
export async function a_first_app_and_a_change_of_the_address_are_undone_without_scripts() {
  const browser = await Browser.open({ script: false });
  await signUpWithAddress(browser, "ben@example.com");
  await browser.openMail(1);
  await browser.click("main button");
  await browser.go("/account/email");
  await browser.send("/account/email", { email: "eve@example.com", password: PASSWORD });
  await browser.expectText("section[aria-labelledby=pending]", "eve@example.com");
  // One to each address.
  await browser.awaitMail(3);
  await browser.click("a[href*='/confirmation/']");
  await browser.click("main form:not([action$='/cancel']) button");
  await browser.expectText("[role=status]", "Your new address is confirmed.");
  await browser.signIn("eve@example.com", PASSWORD);
  await browser.expectHeading("Hello, eve@example.com");
  await browser.go("/account/factors");
  await browser.send("/account/factors");
  await browser.expectHeading("Set up your authenticator app");
  await browser.fill("#code", await browser.code());
  await browser.click("main button");
  await browser.expectHeading("Save your recovery codes");

  for (const [undo, status] of [["factor-undo", "Two-factor sign-in is off."], ["email-undo", "Your account uses"]]) {
    await browser.awaitInInbox(`a[href*='/${undo}/']`);
    await browser.click(`a[href*='/${undo}/']`);
    await browser.send(await browser.attribute(`form[action^='/${undo}/']`, "action"));
    await browser.expectText("[role=status]", status);
  }
  assert.equal(await browser.value("#username"), "ben@example.com");
}

export async function an_admin_finds_a_user_and_acts_in_the_console_without_scripts() {
  const variables = { DOORWARD_ADMIN__PASSWORD: PASSWORD, DOORWARD_ADMIN__EMAIL: "ada@example.com" };
  const browser = await Browser.open({ script: false, variables });
  await browser.signUp("ben");
  await browser.page.context().clearCookies();
  await browser.go("/account");
  await browser.send("/sign-in", { username: "ada@example.com", password: PASSWORD });
  await browser.click("a[href='/admin']");
  await browser.expectHeading("Admin console");
  await browser.expectText("[aria-labelledby=attention]", "is an admin without two-factor sign-in");
  await browser.click("nav a[href='/admin/users']");
  await browser.send("/admin/users", { q: "BE" });
  await browser.click("table a");
  await browser.expectHeading("ben");
  const act = async (page, question, done) => {
    await browser.click(`[aria-labelledby=acts] a[href$='/${page}']`);
    await browser.expectHeading(question);
    await browser.click("main form button");
    await browser.expectText("[role=status]", done);
  };
  await act("role", "Make this user an admin?", "The role is changed.");
  await browser.expectText("[aria-labelledby=profile]", "Admin");
  await act("role", "Remove the admin role?", "The role is changed.");
  await act("sessions", "Sign out on all devices?", "All devices are signed out.");
  await browser.expectText("[aria-labelledby=sessions]", "Not signed in on any device.");
  await browser.click("[aria-labelledby=acts] a[href$='/status']");
  await browser.page.selectOption("#reason", "left");
  await browser.click("main form button");
  await browser.expectText("[role=status]", "The account is disabled.");
  await browser.expectText("[aria-labelledby=activity] li", "The user has left");
  const [download] = await Promise.all([browser.page.waitForEvent("download"), browser.page.click("a[download]")]);
  let text = "";
  for await (const part of await download.createReadStream()) text += part;
  assert.match(text, /"username": ?"ben"/);
  await browser.click("[aria-labelledby=activity] a.button");
  await browser.expectHeading("Audit log");
  await browser.page.selectOption("#event", "role-changed");
  await browser.send("/admin/audit");
  assert.equal(await browser.page.locator(".log > li").count(), 2);
  await browser.click(".log dd a");
  await browser.expectHeading("ben");
  // The checks of `doctor`.
  await browser.go("/admin/health");
  await browser.expectText("[aria-labelledby=list] .list", "database");
  // The settings, without their secrets.
  await browser.go("/admin/settings?changed=1");
  await browser.expectText("#admin + dl.settings", "admin.password");
  assert.ok(!(await browser.page.content()).includes(PASSWORD));
  await browser.signOut();
  await browser.go("/admin");
  await browser.expectHeading("Sign in");
}

export async function an_admin_makes_another_one_by_keyboard_alone_and_sees_who_did_it() {
  const variables = { DOORWARD_ADMIN__PASSWORD: PASSWORD, DOORWARD_ADMIN__EMAIL: "ada@example.com" };
  const browser = await Browser.open({ variables });
  await browser.signUp("ben");
  await browser.page.context().clearCookies();
  await browser.go("/admin");
  await browser.send("/sign-in", { username: "ada@example.com", password: PASSWORD });
  const { keyboard } = browser.page;
  const tabTo = async (css) => {
    for (let count = 0; count < 60; count += 1) {
      await keyboard.press("Tab");
      if (await browser.page.evaluate((css) => document.activeElement.matches(css), css)) return;
    }
    assert.fail(`not reached: ${css}`);
  };
  const open = async (css) => {
    await tabTo(css);
    await Promise.all([browser.page.waitForEvent("load"), keyboard.press("Enter")]);
  };
  await tabTo("#q");
  await keyboard.type("be");
  await Promise.all([browser.page.waitForEvent("load"), keyboard.press("Enter")]);
  await open("table a");
  await browser.expectHeading("ben");
  await open("[aria-labelledby=acts] a[href$='/role']");
  await browser.expectHeading("Make this user an admin?");
  await open("main form button");
  await browser.expectText("[role=status]", "The role is changed.");
  const [newest] = await browser.page.locator("[aria-labelledby=activity] li").allInnerTexts();
  assert.match(newest, /^Made an admin\n.* · by admin$/s);
  // The other way: everything about ben in the audit log, with names beside the ids.
  await open("[aria-labelledby=activity] a.button");
  await browser.expectText(".log > li:has(code)", "ben");
  await open(".log dd a");
  await browser.expectHeading("ben");
}

export async function an_invited_user_chooses_a_password_and_is_signed_in_without_scripts() {
  const browser = await Browser.open({ script: false, variables: { ...WITH_ADMIN, DOORWARD_SIGN_UP__POLICY: "invitation" } });
  await browser.go("/sign-up");
  await browser.expectHeading("You need an invitation");
  await invite(browser, { email: "ben@example.com" });
  await browser.awaitMail(1);
  await browser.expectText("article", "You're invited to Doorward");
  await browser.click("article a.button");
  await browser.expectHeading("You're invited");
  await browser.expectText("main", "ben@example.com");
  const link = await browser.attribute("form[action^='/invitation/']", "action");
  await browser.send(link, { name: "Ben", password: "password123" });
  await browser.expectText("#password-fault", "too common");
  assert.deepEqual([await browser.value("#name"), await browser.value("#password")], ["Ben", ""]);
  await browser.send(link, { password: PASSWORD });
  await browser.expectHeading("Hello, Ben");
  await browser.click("nav a[href='/account/email']");
  await browser.expectText("section[aria-labelledby=current]", "ben@example.com");
  await browser.signOut();
  await browser.go(link);
  await browser.expectHeading("This link no longer works");
  await browser.signIn("ben@example.com", PASSWORD);
  await browser.expectHeading("Hello, Ben");
}
