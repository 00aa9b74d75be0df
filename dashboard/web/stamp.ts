// The stamp ties the built files to the sources they were built from, so that
// a test can tell a stale build without running the build. The Go test of the
// package computes the same two sums.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** What the build reads, relative to this folder. Tests are not part of it. */
export const sources = [
  ".npmrc",
  "index.html",
  "package-lock.json",
  "package.json",
  "public",
  "src",
  "stamp.ts",
  "tsconfig.json",
  "vite.config.ts",
];

/** The name of the stamp in the folder of built files. */
export const stampFile = "BUILD";

/** All files at or under a path, as slash-separated paths relative to root. */
function filesUnder(root: string, path: string): string[] {
  const full = join(root, path);
  if (!statSync(full).isDirectory()) return [path.split(sep).join("/")];
  return readdirSync(full).flatMap((name) => filesUnder(root, relative(root, join(full, name))));
}

/**
 * The SHA-256 over files in byte order of their paths: for each one a line
 * "<sha-256 of the content>  <path>", as the program sha256sum prints it.
 */
export function sumOf(root: string, paths: string[]): string {
  const files = paths.flatMap((path) => filesUnder(root, path));
  files.sort((a, b) => (a < b ? -1 : 1));
  const all = createHash("sha256");
  for (const file of files) {
    const sum = createHash("sha256").update(readFileSync(join(root, file))).digest("hex");
    all.update(`${sum}  ${file}\n`);
  }
  return all.digest("hex");
}

/** The content of the stamp for sources in one folder and a build in another. */
export function stamp(web: string, dist: string): string {
  const built = readdirSync(dist).filter((name) => name !== stampFile);
  return `sources ${sumOf(web, sources)}\ndist ${sumOf(dist, built)}\n`;
}
