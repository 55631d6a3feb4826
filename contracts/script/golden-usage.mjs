// EIP-712 vectors of what the parties to a trade in escrow say while it is delivered.
import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const USAGE_TYPES = {
  Usage: fields("address supplier, bytes32 trade, uint32 sequence, uint64 units, uint64 at, string note"),
};
const RECEIPT_TYPES = {
  Receipt: fields("address demander, bytes32 trade, bytes32 usage, bool accepted, string note"),
};

const supplier = account(4);
const demander = account(1);

export async function usage(trade) {
  const reported = await vector(
    "report of what is used",
    "Usage",
    USAGE_TYPES,
    { supplier: supplier.address, trade, sequence: "0", units: "7", at: "1700011000", note: "dritte Palette für Köln" },
    supplier,
  );
  const receipt = (name, accepted, note, of = reported.digest) =>
    vector(name, "Receipt", RECEIPT_TYPES, { demander: demander.address, trade, usage: of, accepted, note }, demander);
  return [
    reported,
    await vector(
      "report, largest value of every number",
      "Usage",
      USAGE_TYPES,
      { supplier: supplier.address, trade, sequence: MAX(32), units: MAX(64), at: MAX(64), note: "" },
      supplier,
    ),
    await receipt("report accepted", true, ""),
    await receipt("objection to a report", false, "two parts are cracked", hashed("another report")),
  ];
}
