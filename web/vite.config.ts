/** Inbox and portal: two pages of one build, which share their chunks. */
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@kit": here("./kit") } },
  build: {
    target: "es2023",
    // A polyfill for module preloading would be an inline script, which the pages' policy forbids.
    modulePreload: { polyfill: false },
    // Fonts and pictures are files: `data:` stays out of the policy.
    assetsInlineLimit: 0,
    rollupOptions: { input: { inbox: here("./inbox/index.html"), portal: here("./portal/index.html") } },
  },
});
