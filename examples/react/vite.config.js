import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// One origin for the application and Doorward, so that the browser sends Doorward's cookie. In production, the reverse
// proxy does this. The build must not use `/assets`, which is Doorward's.
const doorward = process.env.DOORWARD_URL ?? "http://localhost:8000";
const paths = [
  "/auth", "/sign-in", "/sign-up", "/recover", "/account", "/user", "/password", "/confirmation", "/recovery",
  "/email-undo", "/factor-undo", "/deletion-undo", "/invitation", "/assets",
];

export default defineConfig({
  plugins: [react()],
  server: { strictPort: true, proxy: Object.fromEntries(paths.map((path) => [`^${path}([/?]|$)`, doorward])) },
  build: { assetsDir: "app" },
});
