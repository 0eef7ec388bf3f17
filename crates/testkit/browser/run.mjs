// Runs one test, a function of a module: `node run.mjs MODULE NAME`. A failure prints the URL and the text of the page, and
// saves a picture.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { browsers, closeAll } from "./browser.mjs";

const [module, name] = process.argv.slice(2);
try {
  await (await import(pathToFileURL(module)))[name]();
} catch (error) {
  process.exitCode = 1;
  console.error(error.stack);
  const folder = join(process.env.DOORWARD_TEST_PICTURES, "failures");
  mkdirSync(folder, { recursive: true });
  for (const [number, browser] of browsers.entries()) {
    const path = join(folder, `${name}-${number + 1}.png`);
    await browser.page.screenshot({ path, fullPage: true });
    console.error(`\n${browser.page.url()}, see ${path}\n${(await browser.text("body")).slice(0, 2000)}\n${browser.console.join("\n")}`);
  }
} finally {
  await closeAll();
}
