// Walks through the pages, in the order that users see them. `look` is called with the name of each state.
import { Browser } from "../../../testkit/browser/browser.mjs";

const PASSWORD = "three boats on a lake";
const WRONG = "five goats on a lake";
// The form of the page, which is its last one.
const SUBMIT = "main form:last-of-type button:not(.show)";

const signUp = async (browser, username) => {
  await browser.go("/sign-up?with=username");
  await browser.send("/sign-up", { username, password: PASSWORD });
};

// All pages but those of second factors.
export async function walk(language, look) {
  const browser = await Browser.open({ language });
  await browser.go("/");
  await look(browser, "sign in");
  await browser.send("/sign-in", { username: "ben@example.com", password: PASSWORD });
  await look(browser, "sign in, refused");
  await browser.click("a[href='/sign-up']");
  await look(browser, "sign up");
  await browser.click("a[href='/sign-up?with=username']");
  await look(browser, "sign up, with a username");
  await browser.send("/sign-up", { username: "admin", password: PASSWORD });
  await look(browser, "sign up, refused");
  await browser.go("/sign-up");
  await browser.send("/sign-up", { email: "ben@example.com", password: PASSWORD });
  await look(browser, "signed up");
  await browser.send("/sign-up/sent");
  await look(browser, "sent again");
  await browser.awaitMail(2);
  await look(browser, "inbox");
  await browser.click("article a.button");
  await look(browser, "confirm");
  // Like another browser.
  await browser.page.context().clearCookies();
  await browser.click("main button:not(.show)");
  await look(browser, "confirmed");
  await browser.click("main a.button");
  await look(browser, "sign in, filled in");
  await browser.send("/sign-in", { password: PASSWORD });
  await look(browser, "account");
  await browser.go("/.well-known/change-password");
  await look(browser, "change password");
  await browser.send("/account/password", { current_password: PASSWORD, new_password: "password123" });
  await look(browser, "change password, refused");
  await browser.send("/account/password", { current_password: PASSWORD, new_password: "four boats on a lake" });
  await look(browser, "password changed");
  await walkAccount(browser, look);
  await walkDeletion(browser, look);
  await browser.signOut();
  await look(browser, "signed out");
  await browser.go("/recover");
  await look(browser, "ask for recovery");
  await browser.send("/recover", { email: "ben@example.com" });
  await look(browser, "mail requested");
  await browser.openMail(8);
  await look(browser, "recover");
  const link = await browser.attribute("form", "action");
  await browser.send(link, { new_password: "password123" });
  await look(browser, "recover, refused");
  await browser.send(link, { new_password: "five boats on a lake" });
  await look(browser, "recovered");
  await browser.go(link);
  await look(browser, "link expired");
  await browser.page.context().clearCookies();
  await browser.go("/confirmation");
  await look(browser, "ask for confirmation");
  await browser.go("/user/me");
  await look(browser, "sign in first");
  await browser.go("/nothing/here");
  await look(browser, "not found");
  await browser.go("/sign-up");
  await browser.send("/sign-up", { email: "eve@example.com", password: PASSWORD });
  await browser.signIn("eve@example.com", PASSWORD);
  await look(browser, "sign in, not confirmed");
  await browser.openMail(10);
  await browser.click("button.quiet");
  await look(browser, "confirmation cancelled");
}

// The pages of the account area that have no other walk.
async function walkAccount(browser, look) {
  await browser.go("/account/profile");
  await look(browser, "profile");
  await browser.send("/account/profile", { name: "x".repeat(201) });
  await look(browser, "profile, refused");
  await browser.send("/account/profile", { name: "Ben B." });
  await look(browser, "profile, saved");
  await browser.go("/account/email");
  await look(browser, "address");
  await browser.send("/account/email", { email: "new@example.com", password: WRONG });
  await look(browser, "address, refused");
  await browser.send("/account/email", { password: "four boats on a lake" });
  await look(browser, "address, pending");
  await browser.send("/account/email/cancel");
  await look(browser, "address, cancelled");
  await browser.go("/account/activity");
  await look(browser, "activity");
  await browser.go("/account/data");
  await look(browser, "data");
  await browser.go("/account/devices");
  await look(browser, "devices");
  await browser.go("/account/devices/sign-out-others");
  await look(browser, "sign out the others");
  await browser.send("/account/devices/sign-out-others");
  await look(browser, "others signed out");
}

// Deletes the account, and keeps it with the link in the mail.
async function walkDeletion(browser, look) {
  const credentials = { username: "ben@example.com", password: "four boats on a lake" };
  await browser.go("/account/delete");
  await look(browser, "delete");
  await browser.send("/account/delete", { password: WRONG });
  await look(browser, "delete, refused");
  await browser.send("/account/delete", { password: credentials.password });
  await look(browser, "to be deleted");
  await browser.send("/sign-in", credentials);
  await look(browser, "deletion pending");
  await browser.send("/sign-in/keep-account", { password: WRONG });
  await look(browser, "deletion pending, refused");
  await browser.openMail(6);
  await look(browser, "keep the account");
  await browser.click(SUBMIT);
  await look(browser, "account kept");
  await browser.click("main a.button");
  await browser.send("/sign-in", credentials);
}

// Every page of second factors, which are voluntary.
export async function walkFactors(language, look) {
  const browser = await Browser.open({ language });
  await signUp(browser, "zoe");
  await browser.click("nav a[href='/account/factors']");
  await look(browser, "factors, none");
  await browser.send("/account/factors", { name: "x".repeat(65) });
  await look(browser, "factors, refused");
  await browser.send("/account/factors", { name: "Phone" });
  await look(browser, "set up");
  const code = await browser.code();
  await browser.fill("#code", "000000");
  await browser.click(SUBMIT);
  await look(browser, "set up, wrong code");
  await browser.fill("#code", code);
  await browser.click(SUBMIT);
  await look(browser, "recovery codes");
  const [first, second] = [await browser.recoveryCode(1), await browser.recoveryCode(2)];
  await browser.click("main a.button");
  await look(browser, "factors");
  await browser.send("/account/factors/recovery-codes");
  await look(browser, "proof");
  await browser.send("/account/factors/recovery-codes", { password: PASSWORD, code: "000000" });
  await look(browser, "proof, refused");
  await browser.send("/account/factors/recovery-codes", { password: PASSWORD, code: first });
  await look(browser, "recovery codes, renewed");
  const renewed = await browser.recoveryCode(1);
  await browser.go("/account/password");
  await look(browser, "change password, with a code");
  await browser.go("/");
  await browser.signOut();
  await browser.send("/sign-in", { username: "zoe", password: PASSWORD });
  await look(browser, "code");
  await browser.send("/sign-in/factor", { code: second });
  await look(browser, "code, refused");
  await browser.send("/sign-in/factor", { code: renewed });
  await look(browser, "account, with a factor");
  await browser.signOut();
  await browser.go("/sign-in/factor");
  await look(browser, "sign-in expired");
}

// The pages of the second factor that the policy requires.
export async function walkEnrolment(language, look) {
  const browser = await Browser.open({ language, variables: { DOORWARD_FACTORS__REQUIRED: "everyone" } });
  await signUp(browser, "zoe");
  await look(browser, "required");
  await browser.click(SUBMIT);
  await look(browser, "required, set up");
  const code = await browser.code();
  await browser.fill("#code", "000000");
  await browser.click(SUBMIT);
  await look(browser, "required, wrong code");
  await browser.fill("#code", code);
  await browser.click(SUBMIT);
  await look(browser, "required, recovery codes");
  await browser.click("main a.button");
  await look(browser, "required, account");
}

// The pages for developers, which are in English only.
export async function walkDocuments(look) {
  const browser = await Browser.open();
  await browser.go("/inbox");
  await look(browser, "inbox, empty");
  for (const page of ["/docs", "/problems", "/problems/link-expired"]) {
    await browser.go(page);
    await look(browser, page.slice(1).replace("/", ", "));
  }
}

// States that only some servers or accounts have: undo links, several devices, limits, a closed sign-up.
export async function walkRest(language, look) {
  const browser = await Browser.open({ language, variables: { DOORWARD_SIGN_UP__DOMAINS: "example.com" } });
  await browser.go("/sign-up");
  await look(browser, "sign up, domains");
  await browser.send("/sign-up", { email: "ben@example.org", password: PASSWORD });
  await look(browser, "sign up, domain refused");
  await browser.send("/sign-up", { email: "ben@example.com", password: PASSWORD });
  await browser.openMail(1);
  await browser.click("main button:not(.show)");
  // A second device.
  await browser.page.context().clearCookies();
  await browser.signIn("ben@example.com", PASSWORD);
  await browser.go("/account/devices");
  await look(browser, "devices, two");
  await browser.click("form[action^='/account/devices/'] button");
  await look(browser, "device signed out");
  await browser.go("/account/email");
  await browser.send("/account/email", { email: "new@example.com", password: PASSWORD });
  await browser.awaitMail(3);
  await browser.click("a[href*='/confirmation/']");
  await look(browser, "confirm a new address");
  await browser.click("main button:not(.show, .quiet)");
  await look(browser, "new address confirmed");
  await browser.signIn("new@example.com", PASSWORD);
  await browser.go("/account/factors");
  await browser.send("/account/factors");
  await browser.fill("#code", await browser.code());
  await browser.click(SUBMIT);
  for (const undo of ["factor-undo", "email-undo"]) {
    await browser.awaitInInbox(`a[href*='/${undo}/']`);
    await browser.click(`a[href*='/${undo}/']`);
    await look(browser, undo);
    await browser.click(SUBMIT);
    await look(browser, `${undo}, done`);
  }
  await browser.go("/inbox/1?text");
  await look(browser, "mail, as text");
  await browser.page.context().clearCookies();
  await browser.go("/sign-in?signed-in");
  await look(browser, "sign in, cookie not accepted");
  const closed = await Browser.open({ language, variables: { DOORWARD_SIGN_UP__POLICY: "closed" } });
  await closed.go("/sign-in");
  await look(closed, "sign in, no sign-up");
  await closed.go("/sign-up");
  await look(closed, "sign up, closed");
  const limited = await Browser.open({ language, variables: { DOORWARD_THROTTLE__ENABLED: "true", DOORWARD_THROTTLE__SIGN_IN: "1/1m" } });
  await limited.signIn("ben", PASSWORD);
  await limited.signIn("ben", PASSWORD);
  await look(limited, "sign in, limited");
}

// Pages of an operator with a colour that is too pale for text.
export async function walkBrand(language, look) {
  const variables = { DOORWARD_BRAND__NAME: "Example Club", DOORWARD_BRAND__ACCENT: "#fff3a0", DOORWARD_BRAND__PRIVACY_URL: "https://example.com/privacy" };
  const browser = await Browser.open({ language, variables });
  await browser.go("/");
  await look(browser, "brand, sign in");
  await signUp(browser, "ben");
  await look(browser, "brand, account");
  await browser.go("/account/devices");
  await look(browser, "brand, devices");
}
