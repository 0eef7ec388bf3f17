// Walks through the pages, in the order that users see them. `look` is called with the name of each state, and with a
// selector that only the page in this state has.
import { Browser, PASSWORD } from "../../../testkit/browser/browser.mjs";

const WRONG = "five goats on a lake";
// The form of the page, which is its last one.
const SUBMIT = "main form:last-of-type button:not(.show)";

// All pages but those of second factors.
export async function walk(language, look) {
  const browser = await Browser.open({ language });
  await browser.go("/");
  await look(browser, "sign in", "form[action='/sign-in']");
  await browser.send("/sign-in", { username: "ben@example.com", password: PASSWORD });
  await look(browser, "sign in, refused", ".notice[role=alert]");
  await browser.click("a[href='/sign-up']");
  await look(browser, "sign up", "form[action='/sign-up'] [type=email]");
  await browser.click("a[href='/sign-up?with=username']");
  await look(browser, "sign up, with a username", "form[action='/sign-up'] #username");
  await browser.send("/sign-up", { username: "admin", password: PASSWORD });
  await look(browser, "sign up, refused", "#username-fault");
  await browser.go("/sign-up");
  await browser.send("/sign-up", { email: "ben@example.com", password: PASSWORD });
  await look(browser, "signed up", "main:not(:has(.status)) form[action='/sign-up/sent'] [type=hidden]");
  await browser.send("/sign-up/sent");
  await look(browser, "sent again", "main:has(.status) form[action='/sign-up/sent']");
  await browser.awaitMail(2);
  await look(browser, "inbox", "article a.button");
  await browser.click("article a.button");
  await look(browser, "confirm", "form[action$='/cancel']");
  // Like another browser.
  await browser.page.context().clearCookies();
  await browser.click("main button:not(.show)");
  await look(browser, "confirmed", "main:has(.status) #username[value='ben@example.com']");
  await browser.send("/sign-in", { password: PASSWORD });
  await look(browser, "account", "body.overview");
  await browser.go("/.well-known/change-password");
  await look(browser, "change password", "form[action='/account/password']");
  await browser.send("/account/password", { current_password: PASSWORD, new_password: "password123" });
  await look(browser, "change password, refused", "#new_password-fault");
  await browser.send("/account/password", { current_password: PASSWORD, new_password: "four boats on a lake" });
  await look(browser, "password changed", ".status");
  await walkAccount(browser, look);
  await walkDeletion(browser, look);
  await browser.signOut();
  await look(browser, "signed out", ".status");
  await browser.go("/recover");
  await look(browser, "ask for recovery", "form[action='/recover'] [type=email]");
  await browser.send("/recover", { email: "ben@example.com" });
  await look(browser, "mail requested", "form[action='/recover'] [name=again]");
  await browser.send("/recover");
  await look(browser, "mail requested again", "main:has(.status) form[action='/recover'] [name=again]");
  await browser.openMail(9);
  await look(browser, "recover", "form[action^='/recovery/']");
  const link = await browser.attribute("form", "action");
  await browser.send(link, { new_password: "password123" });
  await look(browser, "recover, refused", "#new_password-fault");
  await browser.send(link, { new_password: "five boats on a lake" });
  await look(browser, "recovered", "main:has(.status) form[action='/sign-in']");
  await browser.go(link);
  await look(browser, "link expired", "a[href='/problems/link-expired']");
  await browser.go("/recovery/cut-off");
  await look(browser, "link incomplete", "a.button[href='/recover']");
  await browser.page.context().clearCookies();
  await browser.go("/confirmation");
  await look(browser, "ask for confirmation", "form[action='/sign-up/sent'] [type=email]");
  await browser.go("/user/me");
  await look(browser, "sign in first", "a[href='/problems/authentication-required']");
  await browser.go("/nothing/here");
  await look(browser, "not found", "a[href='/problems/not-found']");
  await browser.go("/sign-up");
  await browser.send("/sign-up", { email: "eve@example.com", password: PASSWORD });
  await browser.signIn("eve@example.com", PASSWORD);
  await look(browser, "sign in, not confirmed", "form[action='/sign-up/sent']");
  await browser.openMail(11);
  await browser.click("button.quiet");
  await look(browser, "confirmation cancelled", "main:has(.status) form[action='/sign-in']");
}

// The pages of the account area that have no other walk.
async function walkAccount(browser, look) {
  await browser.go("/account/profile");
  await look(browser, "profile", "main:not(:has(.status)) #locale");
  await browser.send("/account/profile", { name: "x".repeat(201) });
  await look(browser, "profile, refused", "#name-fault");
  await browser.send("/account/profile", { name: "Ben B." });
  await look(browser, "profile, saved", ".status");
  await browser.go("/account/email");
  await look(browser, "address", "[aria-labelledby=current] .address");
  await browser.send("/account/email", { email: "new@example.com", password: WRONG });
  await look(browser, "address, refused", "#password-fault");
  await browser.send("/account/email", { password: "four boats on a lake" });
  await look(browser, "address, pending", "[aria-labelledby=pending]");
  await browser.send("/account/email/cancel");
  await look(browser, "address, cancelled", "main:not(:has([aria-labelledby=pending])) .status");
  await browser.go("/account/activity");
  await look(browser, "activity", "ul.list [href='/account/password?not-me']");
  await browser.go("/account/data");
  await look(browser, "data", "a[download]");
  await browser.go("/account/devices");
  await look(browser, "devices", "ul.list .badge");
  await browser.go("/account/devices/sign-out-others");
  await look(browser, "sign out the others", "button.danger");
  await browser.send("/account/devices/sign-out-others");
  await look(browser, "others signed out", ".status");
}

// Deletes the account, and keeps it with the link in the mail.
async function walkDeletion(browser, look) {
  const credentials = { username: "ben@example.com", password: "four boats on a lake" };
  await browser.go("/account/delete");
  await look(browser, "delete", "main:not(:has(.notice)) #reason");
  await browser.send("/account/delete", { password: WRONG });
  await look(browser, "delete, refused", "#password-fault");
  await browser.send("/account/delete", { password: credentials.password });
  await look(browser, "to be deleted", ".status time");
  await browser.send("/sign-in", credentials);
  await look(browser, "deletion pending", "form[action='/sign-in/keep-account']");
  await browser.send("/sign-in/keep-account", { password: WRONG });
  await look(browser, "deletion pending, refused", "main:has(.notice[role=alert]) form[action='/sign-in/keep-account']");
  await browser.openMail(6);
  await look(browser, "keep the account", "form[action^='/deletion-undo/']");
  await browser.click(SUBMIT);
  await look(browser, "account kept", "main:has(.status) form[action='/sign-in']");
  await browser.send("/sign-in", credentials);
}

// Every page of second factors, which are voluntary.
export async function walkFactors(language, look) {
  const browser = await Browser.open({ language });
  await browser.signUp("zoe");
  await browser.click("nav a[href='/account/factors']");
  await look(browser, "factors, none", "main:not(:has([aria-labelledby=apps])) #name");
  await browser.send("/account/factors", { name: "x".repeat(65) });
  await look(browser, "factors, refused", "#name-fault");
  await browser.send("/account/factors", { name: "Phone" });
  await look(browser, "set up", ".qr");
  const code = await browser.code();
  await browser.fill("#code", "000000");
  await browser.click(SUBMIT);
  await look(browser, "set up, wrong code", "main:has(.qr) #code-fault");
  await browser.fill("#code", code);
  await browser.click(SUBMIT);
  await look(browser, "recovery codes", ".codes");
  const [first, second] = [await browser.recoveryCode(1), await browser.recoveryCode(2)];
  await browser.click("main a.button:not(.quiet)");
  await look(browser, "factor added", "main:has(.status) [aria-labelledby=apps]");
  await browser.go("/account/password");
  await look(browser, "change password, with a code", "form[action='/account/password'] #code");
  await browser.go("/account/factors");
  await browser.click("a[href='/account/factors/recovery-codes']");
  await look(browser, "proof", "main:not(:has(.notice)) form[action='/account/factors/recovery-codes'] #code");
  await browser.send("/account/factors/recovery-codes", { password: PASSWORD, code: "000000" });
  await look(browser, "proof, refused", "#code-fault");
  await browser.send("/account/factors/recovery-codes", { password: PASSWORD, code: first });
  await look(browser, "recovery codes, renewed", ".codes");
  const renewed = await browser.recoveryCode(1);
  await browser.go("/");
  await browser.signOut();
  await browser.send("/sign-in", { username: "zoe", password: PASSWORD });
  await look(browser, "code", "main:not(:has(.notice)) form[action='/sign-in/factor']");
  await browser.send("/sign-in/factor", { code: second });
  await look(browser, "code, refused", "main:has(.notice[role=alert]) form[action='/sign-in/factor']");
  await browser.send("/sign-in/factor", { code: renewed });
  await look(browser, "account, with a factor", "body.overview .badge.good");
  await browser.go("/account/factors");
  await browser.click("a[href$='/remove']");
  await look(browser, "remove the factor", "main:not(:has(#password)) form[action$='/remove']");
  await browser.click("form[action$='/remove'] button");
  await look(browser, "factor removed", "main:not(:has([aria-labelledby=apps])) .status");
  await browser.signOut();
  await browser.go("/sign-in/factor");
  await look(browser, "sign-in expired", "main:has(.notice[role=alert]) form[action='/sign-in']");
}

// The pages of the second factor that the policy requires.
export async function walkEnrolment(language, look) {
  const browser = await Browser.open({ language, variables: { DOORWARD_FACTORS__REQUIRED: "everyone" } });
  await browser.signUp("zoe");
  await look(browser, "required", "form[action='/sign-in/enrol']");
  await browser.click(SUBMIT);
  await look(browser, "required, set up", ".qr");
  const code = await browser.code();
  await browser.fill("#code", "000000");
  await browser.click(SUBMIT);
  await look(browser, "required, wrong code", "#code-fault");
  await browser.fill("#code", code);
  await browser.click(SUBMIT);
  await look(browser, "required, recovery codes", ".codes");
  await browser.click("main a.button:not(.quiet)");
  await look(browser, "required, account", "body.overview .badge.good");
}

// The pages for developers, which are in English only.
export async function walkDocuments(look) {
  const browser = await Browser.open();
  await browser.go("/inbox");
  await look(browser, "inbox, empty", "#mails:not(:has(article))");
  for (const page of ["/docs", "/problems", "/problems/link-expired"]) {
    await browser.go(page);
    await look(browser, page.slice(1).replace("/", ", "), "body.wide");
  }
}

// States that only some servers or accounts have: undo links, several devices, limits, a closed sign-up.
export async function walkRest(language, look) {
  const browser = await Browser.open({ language, variables: { DOORWARD_SIGN_UP__DOMAINS: "example.com" } });
  await browser.go("/sign-up");
  await look(browser, "sign up, domains", "#email-hint");
  await browser.send("/sign-up", { email: "ben@example.org", password: PASSWORD });
  await look(browser, "sign up, domain refused", "#email-fault");
  await browser.send("/sign-up", { email: "ben@example.com", password: PASSWORD });
  await browser.openMail(1);
  await browser.click("main button:not(.show)");
  // A second device.
  await browser.page.context().clearCookies();
  await browser.signIn("ben@example.com", PASSWORD);
  await browser.go("/account/devices");
  await look(browser, "devices, two", ".entry form");
  await browser.click("form[action^='/account/devices/'] button");
  await look(browser, "device signed out", "main:not(:has(.entry form)) .status");
  await browser.go("/account/email");
  await browser.send("/account/email", { email: "new@example.com", password: PASSWORD });
  await browser.awaitMail(3);
  await browser.click("a[href*='/confirmation/']");
  await look(browser, "confirm a new address", "form[action$='/cancel']");
  await browser.click("main button:not(.show, .quiet)");
  await look(browser, "new address confirmed", "main:has(.status) #username[value='new@example.com']");
  await browser.signIn("new@example.com", PASSWORD);
  await browser.go("/account/factors");
  await browser.send("/account/factors");
  await browser.fill("#code", await browser.code());
  await browser.click(SUBMIT);
  for (const undo of ["factor-undo", "email-undo"]) {
    await browser.awaitInInbox(`a[href*='/${undo}/']`);
    await browser.click(`a[href*='/${undo}/']`);
    await look(browser, undo, `form[action^='/${undo}/']`);
    await browser.click(SUBMIT);
    await look(browser, `${undo}, done`, "main:has(.status) form[action='/sign-in']");
  }
  await browser.go("/inbox/1?text");
  await look(browser, "mail, as text", "pre");
  await browser.page.context().clearCookies();
  await browser.go("/sign-in?signed-in");
  await look(browser, "sign in, cookie not accepted", "main:has(.notice[role=alert]) form[action='/sign-in']");
  const closed = await Browser.open({ language, variables: { DOORWARD_SIGN_UP__POLICY: "closed" } });
  await closed.go("/sign-in");
  await look(closed, "sign in, no sign-up", "main:not(:has(.other)) form[action='/sign-in']");
  await closed.go("/sign-up");
  await look(closed, "sign up, closed", "main:not(:has(form)) .other");
  const limited = await Browser.open({ language, variables: { DOORWARD_THROTTLE__ENABLED: "true", DOORWARD_THROTTLE__SIGN_IN: "1/1m" } });
  await limited.signIn("ben", PASSWORD);
  await limited.signIn("ben", PASSWORD);
  await look(limited, "sign in, limited", "main:has(.notice[role=alert]) form[action='/sign-in']");
}

// The pages of a mail that no mail server accepts.
async function walkOutbox(language, look) {
  const variables = { ...WITH_ADMIN, DOORWARD_ADMIN__EMAIL: "ada@example.com", DOORWARD_MAIL__URL: "smtp://127.0.0.1:9" };
  const browser = await Browser.open({ language, variables });
  await browser.go("/admin/outbox");
  await browser.send("/sign-in", { username: "ada@example.com", password: PASSWORD });
  await browser.send("/admin/outbox/test");
  await look(browser, "console, mails", "main .status");
  await browser.click(".list h3 a");
  await look(browser, "console, a mail", "main pre");
  await browser.click(".actions a[href$='/delete']");
  await look(browser, "console, delete a mail", "form[action$='/delete']");
}

// Every page of the console, without a user and with one.
export async function walkConsole(language, look) {
  const variables = { DOORWARD_ADMIN__PASSWORD: PASSWORD, DOORWARD_ADMIN__EMAIL: "ada@example.com" };
  const browser = await Browser.open({ language, variables });
  await browser.go("/admin");
  await browser.send("/sign-in", { username: "ada@example.com", password: PASSWORD });
  await look(browser, "console, first run", "[aria-labelledby=next]");
  await browser.page.context().clearCookies();
  await browser.signUp("ben");
  await browser.go("/account/email");
  await browser.send("/account/email", { email: "benjamin.blackwood@mail.example.org", password: PASSWORD });
  await browser.go("/account/factors");
  await browser.send("/account/factors", { name: "Phone" });
  await browser.fill("#code", await browser.code());
  await browser.click(SUBMIT);
  await browser.page.context().clearCookies();
  await browser.go("/admin");
  await browser.send("/sign-in", { username: "ada@example.com", password: PASSWORD });
  await look(browser, "console", "[aria-labelledby=newest] table");
  await browser.go("/admin/users");
  await look(browser, "console, users", "main:not(:has(.status)) form[action='/admin/users'] #q");
  await browser.go("/admin/users?q=nothing");
  await look(browser, "console, no user found", "main:not(:has(table)) #q[value=nothing]");
  await browser.go("/admin/users?second_factor=true");
  await look(browser, "console, more filters", "main:has(table) details[open] #created_since");
  await browser.go("/admin/users?q=be");
  await browser.click("table a");
  await look(browser, "console, a user", "main:not(:has(.status)) [aria-labelledby=factors] .list");
  const page = new URL(browser.page.url()).pathname;
  for (const act of ["profile", "email", "cancel-email-change", "confirmation", "sessions", "role", "status", "delete"]) {
    await browser.go(`${page}/${act}`);
    await look(browser, `console, ${act}`, `form[action='${page}/${act}']`);
  }
  await browser.go(`${page}/profile`);
  await browser.fill("#data", "[");
  await browser.click("[aria-labelledby=applications] button");
  await look(browser, "console, profile, rejected", "main:has(.notice) #data-fault");
  await browser.go(`${page}/delete`);
  await browser.send(`${page}/delete`);
  await look(browser, "console, deletion requested", "main:has(.status) a[href$='/keep']");
  await browser.go(`${page}/keep`);
  await look(browser, "console, keep", `form[action='${page}/keep']`);
  await browser.go("/admin");
  await look(browser, "console, a deletion", "[aria-labelledby=attention] time");
  await browser.go(`${page}/delete-now`);
  await look(browser, "console, delete at once", `form[action='${page}/delete-now']`);
  await browser.send(`${page}/delete-now`);
  await look(browser, "console, deleted", ".status");
  await browser.go("/admin/invitations");
  await look(browser, "console, no invitation", "main:not(:has(.list)) a[href='/admin/users/new']");
  await browser.go("/admin/users/new");
  await look(browser, "console, invite", "main:not(:has(.notice)) form[action='/admin/users/new']");
  await browser.send("/admin/users/new", { email: "ada@example.com" });
  await look(browser, "console, invite, rejected", "main:has(.notice) #email-fault");
  await browser.send("/admin/users/new", { email: "", username: "cleo" });
  await look(browser, "console, link of an invitation", "main pre");
  await browser.go("/admin/invitations/new");
  await look(browser, "console, invite several", "main:not(:has(.notice)) #people");
  await browser.send("/admin/invitations/new", { people: " " });
  await look(browser, "console, invite several, rejected", "main:not(:has(.list)) #people-fault");
  await browser.send("/admin/invitations/new", { people: "zoe zoe@example.com\nben\ncleo" });
  await look(browser, "console, invited, but for one", "main:has(#people-fault) .list pre");
  await browser.send("/admin/invitations/new", { people: "emma\nfrida" });
  await look(browser, "console, invited", "main:has(.status):not(:has(#people)) .list pre");
  await browser.go("/admin/invitations");
  await look(browser, "console, invitations", "main .list a[href$='/revoke-invitation']");
  for (const act of ["invitation", "revoke-invitation"]) {
    await browser.go("/admin/invitations");
    await browser.click(`.list a[href$='/${act}']`);
    await look(browser, `console, ${act}`, `form[action$='/${act}']`);
  }
  await browser.go("/admin/audit");
  await look(browser, "console, audit log", "main:has(a[download]) form[action='/admin/audit'] #user");
  await browser.go("/admin/audit?address=203.0.113.0/24");
  await look(browser, "console, no event of a network", "main:not(:has(a[download])) #address");
  await browser.go("/admin/audit?user=ada@example.com&since=2026-11-21&until=2026-11-20");
  await look(browser, "console, audit log, rejected", "main:has(.notice) #until-fault");
  await browser.go("/admin/audit?user=%40example.com");
  await look(browser, "console, several users found", "main:not(:has(a[download])) .rows a[href^='/admin/audit?']");
  await browser.go("/admin/audit?user=cle");
  await look(browser, "console, events of a user", "main:has(a[download]) #list + .facts");
  await browser.go("/admin/outbox");
  await look(browser, "console, outbox", "main:not(:has(.list)) form[action='/admin/outbox/test']");
  await walkOutbox(language, look);
  await browser.go("/admin/keys");
  await look(browser, "console, keys", "main:not(:has(.status)) .list code");
  await browser.go("/admin/keys/rotate");
  await look(browser, "console, new key", "form[action='/admin/keys/rotate']");
  await browser.send("/admin/keys/rotate");
  await look(browser, "console, key created", "main .status");
  await browser.go("/admin/health");
  await look(browser, "console, health", "main:not(:has(.notice)) [aria-labelledby=nodes] .list");
  await browser.go("/admin/settings?changed=1");
  await look(browser, "console, settings", "dl.settings");
  // An admin with a second factor.
  await browser.go("/account/factors");
  await browser.send("/account/factors", { name: "Phone" });
  await browser.fill("#code", await browser.code());
  await browser.click(SUBMIT);
  await browser.click("main a.button:not(.quiet)");
  await browser.go("/admin/users");
  await browser.click("table a");
  const own = new URL(browser.page.url()).pathname;
  await browser.go(`${own}/status`);
  await look(browser, "console, proof", `main:not(:has(.notice)) form[action='${own}/status'] #code`);
  await browser.send(`${own}/status`, { password: WRONG, code: "000000" });
  await look(browser, "console, proof refused", "main:has(.notice) #password-fault");
}

// The settings of a server whose admin has this password.
export const WITH_ADMIN = { DOORWARD_ADMIN__PASSWORD: PASSWORD };

// Invites a user as the admin of the server, with the API. Returns the invitation.
export async function invite(browser, body) {
  const send = async (path, headers, body) => {
    const response = await fetch(browser.url(path), { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });
    if (response.status !== 201) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const { token } = await send("/auth", {}, { username: "admin", password: PASSWORD });
  return send("/invitation", { Authorization: `Bearer ${token}` }, body);
}

// The page of an invitation by mail, and of one whose link an admin passes on.
export async function walkInvitation(language, look) {
  const browser = await Browser.open({ language, variables: { ...WITH_ADMIN, DOORWARD_SIGN_UP__POLICY: "invitation" } });
  await browser.go("/sign-up");
  await look(browser, "sign up, invitation required", "main:not(:has(form)) .other");
  await invite(browser, { email: "benjamin.blackwood@mail.example.org" });
  await browser.openMail(1);
  await look(browser, "invitation", "main:not(:has(.notice)) form[action^='/invitation/'] #name");
  const link = await browser.attribute("form[action^='/invitation/']", "action");
  await browser.send(link, { name: "x".repeat(201), password: "password123" });
  await look(browser, "invitation, refused", "#name-fault");
  await browser.send(link, { name: "Ben", password: PASSWORD });
  await look(browser, "invitation, accepted", "body.overview");
  await browser.go(link);
  await look(browser, "invitation, used", "a[href='/problems/link-expired']");
  const { url } = await invite(browser, { username: "zoe", name: "Zoe", email: "zoe@example.com", delivery: "link" });
  await browser.go(new URL(url).pathname);
  await look(browser, "invitation with a name", "form[action^='/invitation/']:not(:has(#name))");
}

// Pages of an operator with a colour that is too pale for text.
export async function walkBrand(language, look) {
  const variables = { DOORWARD_BRAND__NAME: "Example Club", DOORWARD_BRAND__ACCENT: "#fff3a0", DOORWARD_BRAND__PRIVACY_URL: "https://example.com/privacy" };
  const browser = await Browser.open({ language, variables });
  await browser.go("/");
  await look(browser, "brand, sign in", "link[href*='/assets/brand']");
  await browser.signUp("ben");
  await look(browser, "brand, account", "body.overview");
  await browser.go("/account/devices");
  await look(browser, "brand, devices", "ul.list");
}
