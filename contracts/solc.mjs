#!/usr/bin/env node
// Looks like the native Solidity compiler to forge and slither, which cannot download one here: the pinned npm solc
// behind `--version`, `--standard-json` (from stdin) and `--combined-json FIELDS FILE`.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const given = process.argv.slice(2);

function find(name) {
  for (const path of [name, join(here, name), join(here, "node_modules", name)]) {
    try {
      return { contents: readFileSync(path, "utf8") };
    } catch {}
  }
  return { error: `${name} is not there` };
}

// The older of the compiler's two formats, which slither asks for.
function combined(file) {
  const input = {
    language: "Solidity",
    sources: { [file]: { content: find(file).contents } },
    settings: {
      evmVersion: "paris",
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { "*": ["abi", "evm", "userdoc", "devdoc"], "": ["ast"] } },
    },
  };
  const told = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
  const contracts = {};
  for (const [path, named] of Object.entries(told.contracts)) {
    for (const [name, { abi, evm, userdoc, devdoc }] of Object.entries(named)) {
      contracts[`${path}:${name}`] = {
        abi,
        userdoc,
        devdoc,
        bin: evm.bytecode.object,
        "bin-runtime": evm.deployedBytecode.object,
        srcmap: evm.bytecode.sourceMap,
        "srcmap-runtime": evm.deployedBytecode.sourceMap,
        hashes: evm.methodIdentifiers,
      };
    }
  }
  const sources = Object.fromEntries(Object.entries(told.sources).map(([path, { ast }]) => [path, { AST: ast }]));
  return JSON.stringify({ contracts, sources, sourceList: Object.keys(sources), version: solc.version() });
}

if (given.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace(".Emscripten.clang", ".Linux.g++")}\n`);
} else if (given.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8"), { import: find }));
} else if (given.includes("--combined-json")) {
  process.stdout.write(combined(given.find((one) => one.endsWith(".sol"))));
} else {
  console.error(`unknown arguments: ${given.join(" ")}`);
  process.exit(1);
}
