#!/usr/bin/env node
// Runs the native forge of node_modules with the given arguments and its exit status.
// package.json names foundry's native packages themselves: the launcher package `@foundry-rs/forge` exits 0 even when
// tests fail.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const contracts = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Path of the native binary; throws with the remedy when this platform's package is absent. */
export function forgeBinary() {
  const machine = { x64: "amd64", arm64: "arm64" }[process.arch] ?? process.arch;
  const name = `@foundry-rs/forge-${process.platform}-${machine}`;
  try {
    const root = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    return join(root, "bin", process.platform === "win32" ? "forge.exe" : "forge");
  } catch {
    throw new Error(`${name} is not installed; run \`npm ci\` in contracts/, on one of the platforms in its package.json`);
  }
}

/** Runs forge in contracts/; returns its exit status. */
export function forge(args) {
  const done = spawnSync(forgeBinary(), args, { cwd: contracts, stdio: "inherit" });
  if (done.error) throw done.error;
  return done.status ?? 1;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = forge(process.argv.slice(2));
}
