/** Builds the module and the style sheet: `node build.ts [FOLDER]`, by default into ../static. */

import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const folder = process.argv[2] ?? fileURLToPath(new URL("../static", import.meta.url));

await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: [{ in: "src/index.ts", out: "widget" }, { in: "src/service.ts", out: "service" }, { in: "src/style.css", out: "widget" }],
  outdir: folder,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
