#!/usr/bin/env node
// Prints one file that holds a contract and all it imports, for Remix: `node script/flatten.mjs src/TestToken.sol`.
// Imported files come before those that import them; their import, pragma and licence lines are left out.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const contracts = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const IMPORT = /^import\s+(?:[^"';]*\sfrom\s+)?["']([^"']+)["'];\s*$/gm;

/** Path of an imported file: relative to the importer, or a package in node_modules. */
function locate(name, importer) {
  return name.startsWith(".") ? join(dirname(importer), name) : join(contracts, "node_modules", name);
}

function collect(path, seen, parts) {
  if (seen.has(path)) return;
  seen.add(path);
  const text = readFileSync(path, "utf8");
  for (const [, name] of text.matchAll(IMPORT)) collect(locate(name, path), seen, parts);
  const rest = text
    .replace(IMPORT, "")
    .replace(/^pragma solidity [^;]*;\s*$/gm, "")
    .replace(/^\/\/ SPDX-License-Identifier:.*$/gm, "");
  parts.push(rest.trim());
}

const wanted = process.argv[2];
if (!wanted || !existsSync(resolve(contracts, wanted))) {
  console.error("usage: node script/flatten.mjs src/CapacityExchange.sol");
  process.exit(2);
}
const parts = [];
collect(resolve(contracts, wanted), new Set(), parts);
console.log(["// SPDX-License-Identifier: Apache-2.0 AND MIT", "pragma solidity ^0.8.28;", ...parts].join("\n\n"));
