#!/usr/bin/env node
// Forge runs this as if it were a native solc: `--version`, or `--standard-json` with the input on stdin.
// No native compiler is on npm, and npm's own command refuses the `--allow-paths` that forge passes.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const solc = createRequire(import.meta.url)("solc");
const contracts = resolve(dirname(fileURLToPath(import.meta.url)), "..");

function readImport(path) {
  try {
    return { contents: readFileSync(resolve(contracts, path), "utf8") };
  } catch (error) {
    return { error: `cannot read the import ${path}: ${error.message}` };
  }
}

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version().replace("Emscripten.clang", "Linux.g++")}`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8"), { import: readImport }));
} else {
  console.error("solc.mjs answers --version, and --standard-json with the input on stdin");
  process.exitCode = 1;
}
