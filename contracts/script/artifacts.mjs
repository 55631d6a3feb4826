#!/usr/bin/env node
// Compiles the contracts from nothing and writes what the Python package ships, one JSON file per contract, and what the
// validator program holds.
// Usage: node script/artifacts.mjs [folder]   (default ../src/fabmarket/chain/artifacts, and
// ../network/consortium/contract.json)
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { contracts, forge } from "./forge.mjs";

const SHIPPED = ["CapacityExchange", "ResourceEscrow", "NetSettlement", "ReleaseBoard", "TestToken", "Consortium"];
/** Stands in genesis, where no creation code runs. */
const IN_GENESIS = "Consortium";
/** What a caller of the exchange meets: its own calls, events and errors, and those of its modules. */
const PARTS = { CapacityExchange: ["ResourceEscrow", "NetSettlement"] };
const signature = (entry) => JSON.stringify([entry.type, entry.name, (entry.inputs ?? []).map((each) => each.type)]);

/** The entries of all ABIs, each once; a module's constructor and its own check are not the exchange's. */
function joined(own, parts) {
  const known = new Map(own.map((entry) => [signature(entry), entry]));
  for (const entry of parts.flat()) {
    if (entry.type === "constructor" || entry.name === "compatibility") continue;
    if (!known.has(signature(entry))) known.set(signature(entry), entry);
  }
  return [...known.values()];
}

/** The same value with the keys of every object sorted, so that equal settings have equal text. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

function shipped(name, built) {
  const { compiler, settings } = built.metadata;
  const { compilationTarget: _, ...common } = settings;
  const text = JSON.stringify(sorted({ compiler, settings: common }));
  return {
    contractName: name,
    abi: built.abi,
    bytecode: built.bytecode.object,
    ...(name === IN_GENESIS && { deployedBytecode: built.deployedBytecode.object }),
    deployedSize: (built.deployedBytecode.object.length - 2) / 2,
    compiler: compiler.version,
    settingsSha256: createHash("sha256").update(text).digest("hex"),
  };
}

const target = resolve(process.argv[2] ?? join(contracts, "../src/fabmarket/chain/artifacts"));
const program = join(contracts, "../network/consortium");
// A fresh folder each time: what a cache left behind must not decide the bytes.
const work = mkdtempSync(join(tmpdir(), "fabmarket-artifacts-"));
try {
  const status = forge(["build", "src", "--quiet", "--out", join(work, "out"), "--cache-path", join(work, "cache")]);
  if (status !== 0) throw new Error(`forge build failed with exit status ${status}`);
  mkdirSync(target, { recursive: true });
  const build = (name) => JSON.parse(readFileSync(join(work, "out", `${name}.sol`, `${name}.json`), "utf8"));
  for (const name of SHIPPED) {
    const built = build(name);
    built.abi = joined(built.abi, (PARTS[name] ?? []).map((part) => build(part).abi));
    writeFileSync(join(target, `${name}.json`), JSON.stringify(shipped(name, built), null, 1) + "\n");
  }
  if (!process.argv[2]) {
    mkdirSync(program, { recursive: true });
    copyFileSync(join(target, `${IN_GENESIS}.json`), join(program, "contract.json"));
  }
} finally {
  rmSync(work, { recursive: true });
}
