/** The program that writes a help centre as pages without a server: beside the packages that it uses. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: { alias: { "@kit": here("./kit") } },
  build: {
    target: "node20",
    ssr: here("./portal/static/build.ts"),
    outDir: "node_modules/.help-centre",
    emptyOutDir: true,
  },
});
