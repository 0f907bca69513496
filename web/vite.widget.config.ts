/**
 * The widget, apart from the apps: no chunk of theirs is its.
 *
 * Two builds. The panel is modules whose names change with their content. The loader is `widget.js`, a classic script
 * whose name never changes; it is told the panel's.
 */
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

let panel = "";

/** `import panel from "virtual:panel"`: where the panel's first module lies, beside widget.js. */
const panelName: Plugin = {
  name: "panel-name",
  resolveId: (id) => (id === "virtual:panel" ? "\0panel" : undefined),
  load: (id) => (id === "\0panel" ? `export default ${JSON.stringify(panel)}` : undefined),
};

export default defineConfig({
  resolve: { alias: { "@kit": here("./kit") } },
  publicDir: false,
  plugins: [panelName],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { target: "es2022", emptyOutDir: false, modulePreload: false },
  environments: {
    client: {
      build: {
        rollupOptions: {
          input: { panel: here("./widget/panel/main.tsx") },
          preserveEntrySignatures: "strict",
          output: { entryFileNames: "widget/[name]-[hash].js", chunkFileNames: "widget/[name]-[hash].js" },
        },
      },
    },
    loader: {
      consumer: "client",
      build: {
        rollupOptions: {
          input: { widget: here("./widget/loader/main.ts") },
          output: { format: "iife", entryFileNames: "[name].js" },
        },
      },
    },
  },
  builder: {
    // One set of plugins for both builds: what the first is called, the second must know.
    sharedConfigBuild: true,
    sharedPlugins: true,
    async buildApp({ build, environments: { client, loader } }) {
      if (!client || !loader) throw new Error("both parts of the widget are built");
      const built = await build(client);
      if (!("output" in built)) throw new Error("the panel's build has no output");
      const entry = built.output.find((file) => file.type === "chunk" && file.isEntry);
      if (!entry) throw new Error("the panel has no first module");
      panel = entry.fileName;
      await build(loader);
    },
  },
});
