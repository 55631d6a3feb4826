// EIP-712 vectors of what is said while trades are netted in a cycle.
import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const ROW = fields(
  "address account, uint128 mask, uint128 amount, uint8 direction, uint32 epoch, uint16 sales, uint128 salt",
);
const SALE = fields("bytes32 listing, uint64 quantity, uint32 epoch, uint32 row, uint128 salt");
const LEAF = fields("bytes32 trade, bytes32 salt, uint64 index, bytes[] path");

const TYPES = {
  Joining: { Joining: fields("address party, uint64 closed") },
  Roll: { Roll: fields("address coordinator, uint64 closed, uint8 attempt, address[] accounts") },
  Entering: { Entering: fields("address demander, uint64 closed, uint8 attempt, bytes32[] trades") },
  Entry: {
    Entry: fields("uint64 closed, uint8 attempt, Row row, Sale[] sales, bytes32 trades"),
    Row: ROW,
    Sale: SALE,
  },
  Proposal: {
    Proposal: fields(
      "address coordinator, uint64 closed, uint8 attempt, address token, bytes32 trades, uint64 validUntil, " +
        "Row[] rows, Sale[] sales, uint32 index, bytes[] path",
    ),
    Row: ROW,
    Sale: SALE,
  },
  Counted: { Counted: fields("address party, bytes32 batch, Leaf[] trades"), Leaf: LEAF },
  Consent: { Consent: fields("address party, bytes32 batch, bytes consent") },
};

const demander = account(7);
const supplier = account(8);
const coordinator = account(9);
const closed = "1700000100";
const CONSENT = "0x" + "5c".repeat(65);

const row = (who, change) => ({
  account: who.address,
  mask: "255",
  amount: String(Math.abs(change)),
  direction: change < 0 ? "1" : "0",
  epoch: "1700000000",
  sales: change < 0 ? "0" : "1",
  salt: BigInt(hashed("row")) >> 184n,
});
const written = (it) => ({ ...it, salt: it.salt.toString() });
const sale = { listing: hashed("listing"), quantity: "12", epoch: "3", row: "1", salt: "77" };
const LARGEST = {
  account: "0x" + "ff".repeat(20),
  mask: MAX(128),
  amount: MAX(128),
  direction: MAX(8),
  epoch: MAX(32),
  sales: MAX(16),
  salt: MAX(128),
};

export async function cycles(token) {
  const said = (name, type, message, signer) => vector(name, type, TYPES[type], message, signer);
  const trades = [hashed("a trade"), hashed("another")];
  return [
    await said("joining a cycle", "Joining", { party: demander.address, closed }, demander),
    await said(
      "roll of two",
      "Roll",
      { coordinator: coordinator.address, closed, attempt: "1", accounts: [demander.address, supplier.address] },
      coordinator,
    ),
    await said("roll of nobody", "Roll", { coordinator: coordinator.address, closed, attempt: "0", accounts: [] }, coordinator),
    await said("two trades entered", "Entering", { demander: demander.address, closed, attempt: "0", trades }, demander),
    await said(
      "entry of a supplier",
      "Entry",
      { closed, attempt: "0", row: written(row(supplier, 900)), sales: [{ ...sale, row: "0" }], trades: hashed("root") },
      supplier,
    ),
    await said(
      "batch of two rows and a sale",
      "Proposal",
      {
        coordinator: coordinator.address,
        closed,
        attempt: "0",
        token,
        trades: hashed("root"),
        validUntil: "1700000280",
        rows: [written(row(demander, -900)), written(row(supplier, 900))],
        sales: [sale],
        index: "2",
        path: [hashed("beside"), "0x"],
      },
      coordinator,
    ),
    await said(
      "largest value of every number in a batch",
      "Proposal",
      {
        coordinator: coordinator.address,
        closed: MAX(64),
        attempt: MAX(8),
        token,
        trades: hashed("root"),
        validUntil: MAX(64),
        rows: [LARGEST],
        sales: [{ listing: hashed("listing"), quantity: MAX(64), epoch: MAX(32), row: MAX(32), salt: MAX(128) }],
        index: MAX(32),
        path: [],
      },
      coordinator,
    ),
    await said(
      "trade counted by its supplier",
      "Counted",
      {
        party: supplier.address,
        batch: hashed("batch"),
        trades: [{ trade: trades[0], salt: hashed("salt"), index: "5", path: [hashed("beside"), "0x"] }],
      },
      supplier,
    ),
    await said("batch checked", "Counted", { party: demander.address, batch: hashed("batch"), trades: [] }, demander),
    await said("signature of a batch", "Consent", { party: demander.address, batch: hashed("batch"), consent: CONSENT }, demander),
  ];
}
