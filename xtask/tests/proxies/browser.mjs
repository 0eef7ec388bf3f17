import assert from "node:assert/strict";
import { Browser } from "../../../crates/testkit/browser/browser.mjs";

const { SITE: site, PASSWORD: password } = process.env;

export async function a_user_reaches_the_requested_page() {
  // The browser does not know the test's authority.
  const browser = await Browser.open({ site, script: false, ignoreHTTPSErrors: true });
  const wanted = browser.url("/reports?year=2026&by=month&q=%26%23+x");
  const expectSignInPage = () => assert.ok(browser.page.url().includes("/sign-in?return_to="), browser.page.url());
  // The application's page, for the signed-in user.
  const expectWanted = async () => {
    assert.ok((await browser.text("pre")).startsWith("GET /reports?year=2026&by=month&q=%26%23+x\n"));
    assert.equal(browser.page.url(), wanted);
    await browser.expectHeading("Hello, ben");
  };
  await browser.go(wanted);
  expectSignInPage();
  // A new user: a username is enough, and `return_to` is preserved.
  await browser.click("a[href^='/sign-up?return_to=']");
  await browser.click("a[href^='/sign-up?with=username&return_to=']");
  await browser.send("/sign-up", { username: "ben", password });
  await expectWanted();
  await browser.click("a[href='/admin/']");
  await browser.expectText("h1", "403");
  await browser.go("/account");
  await browser.expectHeading("Hello, ben");
  await browser.signOut();
  await browser.go(wanted);
  expectSignInPage();
  await browser.send("/sign-in", { username: "ben", password: "not mine at all" });
  await browser.expectText("[role=alert]", "Wrong");
  await browser.send("/sign-in", { password });
  await expectWanted();
}
