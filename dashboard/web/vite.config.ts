import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { stamp, stampFile } from "./stamp.ts";

const web = fileURLToPath(new URL(".", import.meta.url));
const dist = join(web, "..", "dist");

/** The packages whose code is part of the build. */
const shipped = ["@preact/signals", "@preact/signals-core", "echarts", "preact", "uplot", "zrender"];

/** Puts the licences of what is shipped beside it, as they ask for. */
function licences(): Plugin {
  const text = (name: string): string => readFileSync(join(web, "node_modules", name, "LICENSE"), "utf8").trim();
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "licenses.txt", source: shipped.map((name) => `${name}\n\n${text(name)}\n`).join("\n\n") });
    },
  };
}

/** Writes the stamp once all other files are there. */
function stampBuild(): Plugin {
  return {
    name: "stamp-build",
    apply: "build",
    closeBundle() {
      writeFileSync(join(dist, stampFile), stamp(web, dist));
    },
  };
}

export default defineConfig({
  plugins: [licences(), stampBuild()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: dist,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no inline code
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: false,
  },
  // While developing: the pages from here, the data from a coordinator.
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});
