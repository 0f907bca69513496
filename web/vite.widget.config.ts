/** The widget: a loader for foreign pages, and what it loads when somebody opens it. Built apart from the apps: no chunk of theirs is its. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: { alias: { "@kit": here("./kit") } },
  publicDir: false,
  oxc: { jsx: { importSource: "preact" } },
  build: {
    target: "es2022",
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { widget: here("./widget/loader.ts") },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "widget/[name]-[hash].js",
        assetFileNames: "widget/[name]-[hash][extname]",
      },
    },
  },
});
