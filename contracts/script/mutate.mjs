#!/usr/bin/env node
// Mutation testing: changes the contracts in every small way script/mutations.mjs knows, and looks for changes that no
// forge test notices. contracts/mutants.json explains the ones that cannot matter.
import { createHash } from "node:crypto";
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";

import { contracts } from "./forge.mjs";
import { mutants } from "./mutations.mjs";
import { prepare } from "./trial.mjs";

const HELP = `Usage: node script/mutate.mjs [options] [file ...]

Tests the tests: compiles every mutant of the given sources (names below src/; default: all that hold logic) in a copy
of the project and runs the forge tests against it. Takes an hour or two; results are kept, so that a run that was
interrupted goes on where it stopped. When a test changes, only survivors are tried again; when a source changes, all.

  --jobs N   mutants at a time (default 2)
  --match T  only mutants whose key contains the text T
  --fresh    forget the results of earlier runs
  --list     print the mutants' keys, run nothing
  --json     print the report as JSON
  --help     print this

Exit status: 0 if every survivor is explained in mutants.json and every explanation is of a survivor, 1 if not,
2 if the run failed.`;

const FILES = [
  "CapacityExchange.sol", "Accounts.sol", "Operators.sol", "ResourceVerification.sol", "ResourceTrading.sol",
  "base/State.sol", "base/Settlement.sol", "base/Module.sol", "base/EscrowTerms.sol", "ResourceEscrow.sol",
  "NetSettlement.sol", "ReleaseBoard.sol", "Consortium.sol", "libraries/Words.sol", "libraries/Signatures.sol", "libraries/TradeHash.sol",
];
/** Left out: what it says is the same in all three contracts whatever it is; a test in Python holds it against the layout. */
const ELSEWHERE = { "base/State.sol": ["_compatibility"] };
const RESULTS = join(contracts, "cache", "mutants.jsonl");

const sha256 = (text) => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** A source without comments and layout, which change no bytecode. */
const bare = (text) => text.replace(/\/\/.*$|\/\*[^]*?\*\//gm, "").replace(/\s+/g, " ");

/** Digest of all Solidity files below a folder. */
function digestOf(folder) {
  const names = readdirSync(join(contracts, folder), { recursive: true }).filter((name) => name.endsWith(".sol")).sort();
  return sha256(names.map((name) => name + bare(readFileSync(join(contracts, folder, name), "utf8"))).join());
}

/** What earlier runs found that still holds: key -> { status, by }. */
function remembered({ sources, tests }) {
  if (!existsSync(RESULTS)) return new Map();
  const lines = readFileSync(RESULTS, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const holds = (line) => line.sources === sources && (line.status !== "survived" || line.tests === tests);
  return new Map(lines.filter(holds).map((line) => [line.key, line]));
}

/** Key -> reason. */
function explanations() {
  const groups = JSON.parse(readFileSync(join(contracts, "mutants.json"), "utf8"));
  return new Map(groups.flatMap(({ why, mutants: keys }) => keys.map((key) => [key, why])));
}

/** A workbench in a thread of its own; `ask` gives it one mutant at a time. */
async function workbench(folder) {
  const worker = new Worker(new URL("./trial.mjs", import.meta.url), { workerData: { folder } });
  const answer = () => new Promise((resolve, reject) => {
    const failed = (error) => reject(error);
    worker.once("error", failed);
    worker.once("message", (message) => {
      worker.off("error", failed);
      resolve(message);
    });
  });
  await answer();
  return {
    ask: (mutant) => {
      const answered = answer();
      worker.postMessage({ file: `src/${mutant.file}`, text: mutant.text });
      return answered;
    },
    close: () => worker.terminate(),
  };
}

/** Tries the mutants, `jobs` at a time, and calls `done(mutant, result)` for each. */
async function runAll(waiting, jobs, done) {
  const root = join(tmpdir(), `fabmarket-mutants-${sha256(contracts)}`);
  const folders = Array.from({ length: Math.min(jobs, waiting.length) }, (_, i) => join(root, `${i}`));
  if (folders.length > 0) prepare(folders[0]);
  for (const folder of folders.slice(1)) {
    rmSync(folder, { recursive: true, force: true });
    cpSync(folders[0], folder, { recursive: true, verbatimSymlinks: true });
  }
  await Promise.all(folders.map(async (folder) => {
    const bench = await workbench(folder);
    try {
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) done(mutant, await bench.ask(mutant));
    } finally {
      // After an error the other workbenches stop, too; what was found is kept.
      waiting.length = 0;
      await bench.close();
    }
  }));
  rmSync(root, { recursive: true, force: true });
}

function report(all, results, reasons, complete) {
  const counts = { generated: all.length, refused: 0, same: 0, killed: 0, survived: 0, explained: 0 };
  const byFile = {};
  const survivors = [];
  for (const { text: _, ...mutant } of all) {
    const { status } = results.get(mutant.key);
    const file = (byFile[mutant.file] ??= { generated: 0, refused: 0, same: 0, killed: 0, survived: 0, explained: 0 });
    const explained = reasons.get(mutant.key) ?? null;
    for (const count of [counts, file]) {
      ++count[status];
      if (status === "survived" && explained) ++count.explained;
    }
    ++file.generated;
    if (status === "survived") survivors.push({ ...mutant, explained });
  }
  const known = new Set(survivors.map(({ key }) => key));
  const generated = new Set(all.map(({ key }) => key));
  const stale = [...reasons.keys()].filter((key) => !known.has(key) && (complete || generated.has(key)));
  return { counts, byFile, survivors, stale };
}

function print({ counts, byFile, survivors, stale }) {
  for (const { file, line, before, after } of survivors.filter(({ explained }) => !explained)) {
    console.log(`src/${file}:${line}\n- ${before}\n+ ${after}\n`);
  }
  for (const key of stale) console.log(`mutants.json explains what does not survive: ${key}\n`);
  const rows = Object.entries({ ...byFile, all: counts });
  console.log(`${"".padEnd(26)}${Object.keys(counts).map((name) => name.padStart(10)).join("")}`);
  for (const [name, count] of rows) {
    console.log(`${name.padEnd(26)}${Object.values(count).map((value) => `${value}`.padStart(10)).join("")}`);
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      jobs: { type: "string", default: "2" }, match: { type: "string", default: "" }, fresh: { type: "boolean" },
      list: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(HELP);
  const unknown = positionals.find((name) => !FILES.includes(name));
  if (unknown) throw new Error(`no mutants of ${unknown}; name one of ${FILES.join(", ")}`);
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error(`--jobs ${values.jobs} is not a whole number from 1 up`);

  const files = positionals.length > 0 ? positionals : FILES;
  const read = (file) => readFileSync(join(contracts, "src", file), "utf8");
  const all = files.flatMap((file) => mutants(file, read(file)))
    .filter(({ key, file, function: name }) => key.includes(values.match) && !ELSEWHERE[file]?.includes(name));
  if (values.list) return all.forEach(({ key }) => console.log(key));

  if (values.fresh) rmSync(RESULTS, { force: true });
  const state = { sources: digestOf("src"), tests: digestOf("test") };
  const results = remembered(state);
  const waiting = all.filter(({ key }) => !results.has(key));
  const total = waiting.length;
  let survived = 0;
  mkdirSync(join(contracts, "cache"), { recursive: true });
  await runAll(waiting, jobs, ({ key }, result) => {
    results.set(key, result);
    appendFileSync(RESULTS, `${JSON.stringify({ ...state, key, ...result })}\n`);
    if (result.status === "survived") ++survived;
    process.stderr.write(`\r${total - waiting.length} of ${total} mutants, ${survived} survived`);
  });
  if (total > 0) process.stderr.write("\n");

  const complete = positionals.length === 0 && values.match === "";
  const found = report(all, results, explanations(), complete);
  if (values.json) console.log(JSON.stringify(found, null, 1));
  else print(found);
  if (found.stale.length > 0 || found.survivors.some(({ explained }) => !explained)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`mutate: ${error.message}`);
  process.exitCode = 2;
}
