#!/usr/bin/env node
// Looks like the native Solidity compiler to forge and slither, which cannot download one here: the pinned npm solc
// behind `--version`, `--standard-json` (from stdin) and `--combined-json FIELDS FILE`.
import { readFileSync, realpathSync, writeSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const given = process.argv.slice(2);

// process.stdout.write would lose what does not fit a pipe when the process ends.
function say(text) {
  const bytes = Buffer.from(text + "\n");
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

function find(name) {
  for (const path of [name, join(here, name), join(here, "node_modules", name)]) {
    try {
      return { contents: readFileSync(path, "utf8") };
    } catch {}
  }
  return { error: `${name} is not there` };
}

if (given.includes("--version")) {
  say(`solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace(".Emscripten.clang", ".Linux.g++")}`);
} else if (given.includes("--standard-json")) {
  say(solc.compile(readFileSync(0, "utf8"), { import: find }));
} else {
  console.error(`unknown arguments: ${given.join(" ")}`);
  process.exit(1);
}
