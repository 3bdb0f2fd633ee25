// Builds main.mjs into dist/ with one of the bundlers and its plugin of Sentry's: `node build.mjs NAME`.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.MODULES, "x.js"));
const folder = process.cwd();
const entry = join(folder, "main.mjs");
const outdir = join(folder, "dist");
const options = { telemetry: false, release: { name: "shop@1.2", setCommits: false } }; // all else is in the environment
const outside = ["@sentry/node"];

const builds = {
  async esbuild() {
    const { sentryEsbuildPlugin } = require("@sentry/esbuild-plugin");
    await require("esbuild").build({
      entryPoints: [entry], bundle: true, minify: true, platform: "node", format: "cjs", sourcemap: true, outdir,
      external: outside, outExtension: { ".js": ".cjs" }, plugins: [sentryEsbuildPlugin(options)],
    });
  },
  async rollup() {
    const { sentryRollupPlugin } = require("@sentry/rollup-plugin");
    const built = await require("rollup").rollup({
      input: entry, external: outside, plugins: [sentryRollupPlugin(options)],
    });
    await built.write({ dir: outdir, format: "cjs", sourcemap: true, entryFileNames: "[name].cjs", compact: true });
    await built.close();
  },
  async vite() {
    const { sentryVitePlugin } = require("@sentry/vite-plugin");
    const { build } = await import(require.resolve("vite"));
    await build({
      root: folder, logLevel: "warn", plugins: [sentryVitePlugin(options)],
      build: {
        ssr: entry, outDir: outdir, minify: true, sourcemap: true,
        rollupOptions: { external: outside, output: { format: "cjs", entryFileNames: "[name].cjs" } },
      },
    });
  },
  async webpack() {
    const { sentryWebpackPlugin } = require("@sentry/webpack-plugin");
    const compiler = require("webpack")({
      mode: "production", target: "node", entry, devtool: "source-map", externals: { "@sentry/node": "commonjs @sentry/node" },
      output: { path: outdir, filename: "main.cjs" }, plugins: [sentryWebpackPlugin(options)],
    });
    await new Promise((done, fail) =>
      compiler.run((error, stats) =>
        error || stats.hasErrors() ? fail(error ?? stats.toString()) : compiler.close(() => done())));
  },
};

await builds[process.argv[2]]();
