import { defineConfig } from "vite";

// What every view needs is one file, and so is each view: a page is a handful of requests.
const CORE = /node_modules\/preact|\/src\/(?:layout\/|ui\/(?!schema|plot|sparkline|diff)|(?!main|diff|stream|schema|clients)[a-z]+\.tsx?$)/;

// The server writes the shell (airegistry/web/shell.html): what is built here are scripts and one stylesheet.
export default defineConfig({
  base: "./", // chunks find each other by their own address, whatever the path prefix
  build: {
    manifest: "manifest.json",
    sourcemap: false,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    target: ["chrome120", "firefox121", "safari17.2"],
    assetsInlineLimit: 0,
    rolldownOptions: { input: "src/main.tsx", output: { codeSplitting: { groups: [{ name: "core", test: CORE }] } } },
  },
});
