// Builds beside the place and takes it at the end: whoever serves the folder meanwhile sees one build or the other.
import { renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { compress } from "./compress.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const place = process.argv[2] ?? fileURLToPath(new URL("../../airegistry/web/static", import.meta.url));
const fresh = `${place}.${process.pid}.new`;
const gone = `${place}.${process.pid}.old`;

await build({ root, logLevel: "warn", build: { outDir: fresh, emptyOutDir: true } });
compress(`${fresh}/assets`);
try {
  renameSync(place, gone);
} catch (error) {
  if (error.code !== "ENOENT") throw error;
}
renameSync(fresh, place);
rmSync(gone, { recursive: true, force: true });
