// Compiles Swarm.sol into artifacts/Swarm.json. The result depends on nothing but the sources and the pinned packages:
// `node compile.mjs [OUT.json]`, run from anywhere.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "artifacts", "Swarm.json"));
const used = {};

// Names stay relative to the repository: a path of this machine would end up in the output.
function read(name) {
  const path = name.startsWith("contracts/") ? join(here, name.slice(10)) : join(here, "node_modules", name);
  const contents = readFileSync(path, "utf8");
  used[name] = createHash("sha256").update(contents).digest("hex");
  return contents;
}

const settings = {
  evmVersion: "paris",
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
};
const input = {
  language: "Solidity",
  sources: { "contracts/Swarm.sol": { content: read("contracts/Swarm.sol") } },
  settings: {
    ...settings,
    outputSelection: {
      "contracts/Swarm.sol": { Swarm: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"] },
    },
  },
};
const result = JSON.parse(solc.compile(JSON.stringify(input), { import: (name) => ({ contents: read(name) }) }));
// A warning in our own sources is an error: they are to stay free of them.
const faults = (result.errors ?? []).filter((m) => m.severity === "error" || m.sourceLocation?.file.startsWith("contracts/"));
for (const fault of faults) console.error(fault.formattedMessage);
if (faults.length > 0) process.exit(1);

const { abi, evm } = result.contracts["contracts/Swarm.sol"].Swarm;
const artifact = {
  contractName: "Swarm",
  compiler: solc.version(),
  settings,
  sources: Object.fromEntries(Object.entries(used).sort(([a], [b]) => (a < b ? -1 : 1))),
  abi,
  bytecode: "0x" + evm.bytecode.object,
  deployedBytecode: "0x" + evm.deployedBytecode.object,
  immutableReferences: evm.deployedBytecode.immutableReferences,
};
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, JSON.stringify(artifact, null, 1) + "\n");
console.log(`${out}: ${(evm.deployedBytecode.object.length / 2).toLocaleString("en")} bytes of code`);
