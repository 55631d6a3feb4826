// One workbench for mutants, run as a worker thread: compiles a mutant and runs the forge tests against its bytecode.
//
// The tests reach the exchange and its modules by name (`vm.deployCode`), so a workbench holds the tests built once around
// empty contracts of those names, and each trial only exchanges the bytecode in their artifacts: seconds instead of a minute.
// The Yul optimiser is cut down to what keeps variables within the stack; the tests pass on that build too, except the
// one of the contracts' sizes, which is left out.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { isMainThread, parentPort, workerData } from "node:worker_threads";

import { contracts, forgeBinary } from "./forge.mjs";

const DEPLOYED = ["CapacityExchange", "ResourceEscrow", "NetSettlement"];
const sourceOf = (name) => `src/${name}.sol`;
const IMPORT = /^import\s[^"']*["'](\.[^"']+)["'];/gm;
/** Tests that hold a library's code themselves: built again for each of its mutants. */
const OWN_TESTS = {
  "src/libraries/Signatures.sol": ["test/libraries/Signatures.t.sol"],
  "src/libraries/TradeHash.sol": ["test/libraries/TradeHash.t.sol", "test/unit/Golden.t.sol", "test/unit/SettleBundle.t.sol"],
  "src/libraries/Words.sol": ["test/libraries/Words.t.sol"],
  "src/ReleaseBoard.sol": ["test/unit/Announce.t.sol"],
  "src/Consortium.sol": [
    ...["Found", "Agree", "Seats", "Rules", "Punish"].map((part) => `test/unit/Consortium${part}.t.sol`),
    "test/adversarial/Consortium.t.sol", "test/invariant/Consortium.t.sol",
    // forge knows what the invariants call by its code.
    "test/invariant/ConsortiumHandler.sol",
  ],
};
/** The test base signs with this library: of its mutants only the tests that are built again say anything. */
const IN_TEST_BASE = "src/libraries/TradeHash.sol";
const QUICK = ["--no-match-path", "test/invariant/*", "--no-match-test", "test_isBelowTheSizeLimit"];
const INVARIANTS = ["--match-path", "test/invariant/*"];
const ownTests = (changed) => ["--match-path", `{${OWN_TESTS[changed].join(",")}}`];
const LIMIT_MS = 300_000;
const SETTINGS = {
  remappings: ["@openzeppelin/=node_modules/@openzeppelin/"],
  evmVersion: "cancun",
  metadata: { bytecodeHash: "none", appendCBOR: false },
  debug: { debugInfo: [] },
};
const THROUGH_IR = {
  viaIR: true,
  optimizer: {
    enabled: true,
    details: {
      peephole: false, inliner: false, jumpdestRemover: false, orderLiterals: false, deduplicate: false, cse: false,
      constantOptimizer: false, yul: true, yulDetails: { stackAllocation: true, optimizerSteps: "dhfoDgvulnjulfnTUt:" },
    },
  },
};
const DIRECT = { optimizer: { enabled: true, runs: 1 } };

/** Whether a source is, or imports, a file. */
function contains(path, file) {
  if (path === file) return true;
  const imports = readFileSync(join(contracts, path), "utf8").matchAll(IMPORT);
  return [...imports].some(([, name]) => contains(join(dirname(path), name), file));
}

/** Copies the project to `folder` with empty contracts, keeping what an earlier run built there. */
export function prepare(folder) {
  const bench = join(folder, "contracts");
  for (const name of ["src", "test", "script"]) rmSync(join(bench, name), { recursive: true, force: true });
  mkdirSync(bench, { recursive: true });
  for (const name of ["src/interfaces", "src/libraries", "src/TestToken.sol", "src/ReleaseBoard.sol", "src/Consortium.sol", "test", "script"]) {
    cpSync(join(contracts, name), join(bench, name), { recursive: true });
  }
  rmSync(join(bench, "test/symbolic"), { recursive: true });
  for (const name of DEPLOYED) {
    const empty = `// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.28;\n\ncontract ${name} {}\n`;
    writeFileSync(join(bench, sourceOf(name)), empty);
  }
  const settings = readFileSync(join(contracts, "foundry.toml"), "utf8");
  const plain = settings.replace(/^(?:additional_compiler_profiles|compilation_restrictions) = \[\n[^]*?^\]\n/gm, "");
  writeFileSync(join(bench, "foundry.toml"), plain);
  rmSync(join(bench, "node_modules"), { force: true });
  symlinkSync(join(contracts, "node_modules"), join(bench, "node_modules"));
  cpSync(resolve(contracts, "../tests/golden"), join(folder, "tests/golden"), { recursive: true });
  const built = spawnSync(forgeBinary(), ["build", "--force"], { cwd: bench, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`the tests do not build in ${bench}:\n${built.stdout}${built.stderr}`);
}

class Workbench {
  constructor(folder) {
    this.folder = join(folder, "contracts");
    this.solc = createRequire(import.meta.url)("solc");
    this.places = DEPLOYED.map((name) => this.artifact(sourceOf(name), name));
    this.results = new Map();
  }

  artifact(path, name) {
    const place = join(this.folder, "out", basename(path), `${name}.json`);
    const text = readFileSync(place, "utf8");
    return { place, text, json: JSON.parse(text) };
  }

  /** The contracts of `entries` by name, with `text` for the file `changed`; undefined if the compiler refuses. */
  compile(entries, settings, changed, text) {
    const read = (path) => {
      try {
        return { contents: path === changed ? text : readFileSync(join(contracts, path), "utf8") };
      } catch (error) {
        return { error: error.message };
      }
    };
    const wanted = { "*": ["evm.bytecode.object", "evm.bytecode.linkReferences", "evm.deployedBytecode.object"] };
    const input = {
      language: "Solidity",
      sources: Object.fromEntries(entries.map((path) => [path, { content: read(path).contents }])),
      settings: { ...SETTINGS, ...settings, outputSelection: Object.fromEntries(entries.map((path) => [path, wanted])) },
    };
    const output = JSON.parse(this.solc.compile(JSON.stringify(input), { import: read }));
    if (output.errors?.some((error) => error.severity === "error")) return undefined;
    return entries.flatMap((path) => Object.entries(output.contracts[path]).map(([name, made]) => ({ path, name, made })));
  }

  put({ place, json }, { evm }) {
    for (const part of ["bytecode", "deployedBytecode"]) json[part].object = `0x${evm[part].object}`;
    writeFileSync(place, JSON.stringify(json));
  }

  /** What kills the code now in the artifacts: the first failing test, "time", or undefined. */
  killer(...filters) {
    const options = { cwd: this.folder, encoding: "utf8", timeout: LIMIT_MS, killSignal: "SIGKILL", maxBuffer: 1 << 28 };
    const done = spawnSync(forgeBinary(), ["test", "--fail-fast", ...filters], options);
    if (done.error?.code === "ETIMEDOUT") return "time";
    if (done.status === 0 && /\b[1-9]\d* tests passed, 0 failed/.test(done.stdout)) return undefined;
    const suite = done.stdout.match(/for (test\S+):\w+\n(?:(?!\nRan )[\s\S])*?\[FAIL[^\n]*?\](?:\n\t[^\n]*)*\s+(\w+)\(/);
    if (!suite) throw new Error(`forge failed without a failing test:\n${done.stdout}${done.stderr}`);
    return `${suite[1]} ${suite[2]}`;
  }

  /** The deployed contracts, changed where they contain the changed file; undefined if the compiler refuses. */
  deployed(changed, text) {
    const made = DEPLOYED.map((name, i) => {
      if (this.plain && !contains(sourceOf(name), changed)) return this.plain[i];
      return this.compile([sourceOf(name)], THROUGH_IR, changed, text)?.[0];
    });
    return made.includes(undefined) ? undefined : made;
  }

  /** `{ status }` of a changed file: "refused" by the compiler, "same" bytecode, "killed" `by` a test, or "survived". */
  trial(changed, text, ...suites) {
    const own = OWN_TESTS[changed] ?? [];
    const deployed = this.deployed(changed, text);
    const rebuilt = deployed && own.length > 0 ? this.compile(own, DIRECT, changed, text) : [];
    if (!deployed || !rebuilt) return { status: "refused" };
    const code = [...deployed, ...rebuilt].map(({ made: { evm } }) => evm.bytecode.object).join();
    if (this.results.has(code)) return this.results.get(code);
    deployed.forEach(({ made }, i) => this.put(this.places[i], made));
    return this.withTests(rebuilt, () => {
      const by = suites.reduce((killer, filters) => killer ?? this.killer(...filters), undefined);
      const result = by ? { status: "killed", by } : { status: "survived" };
      this.results.set(code, result);
      return result;
    });
  }

  /** What `act` returns while these tests stand in the artifacts. */
  withTests(rebuilt, act) {
    const originals = rebuilt.filter(({ made: { evm } }) => evm.bytecode.object).map(({ path, name, made: test }) => {
      const original = this.artifact(path, name);
      this.put(original, test);
      return original;
    });
    try {
      return act();
    } finally {
      for (const { place, text: original } of originals) writeFileSync(place, original);
    }
  }

  /** What kills a library in its own tests, which are built in a moment; undefined if nothing does. */
  ownKiller(changed, text) {
    if (!OWN_TESTS[changed] || changed === IN_TEST_BASE) return undefined;
    const rebuilt = this.compile(OWN_TESTS[changed], DIRECT, changed, text);
    return rebuilt && this.withTests(rebuilt, () => this.killer(...ownTests(changed)));
  }

  /** What the forge tests say about a mutant; the invariants are asked last. */
  judge(changed, text) {
    const by = this.ownKiller(changed, text);
    if (by) return { status: "killed", by };
    return this.trial(changed, text, ...(changed === IN_TEST_BASE ? [ownTests(changed)] : [QUICK, INVARIANTS]));
  }

  /** Requires that the tests pass on the sources as they are; mutants with the same code are "same" from then on. */
  start() {
    const exchange = sourceOf(DEPLOYED[0]);
    this.plain = this.deployed(exchange, readFileSync(join(contracts, exchange), "utf8"));
    for (const [changed, ...suites] of [[exchange, QUICK, INVARIANTS], ...Object.keys(OWN_TESTS).map((path) => [path, ownTests(path)])]) {
      const { status, by } = this.trial(changed, readFileSync(join(contracts, changed), "utf8"), ...suites);
      if (status !== "survived") throw new Error(`the unchanged contracts fail their tests: ${changed} ${status} ${by ?? ""}`);
    }
    for (const code of this.results.keys()) this.results.set(code, { status: "same" });
  }
}

if (!isMainThread) {
  const bench = new Workbench(workerData.folder);
  bench.start();
  parentPort.on("message", ({ file, text }) => parentPort.postMessage(bench.judge(file, text)));
  parentPort.postMessage({ status: "ready" });
}
