// EIP-712 vectors of what the operators decide. Those with a nonce from 1 on stand in the order in which an exchange
// that counted one decision before takes them; "largest" ones no exchange can ever reach.
import { MAX, account, fields, vector } from "./golden-vectors.mjs";

const TYPES = {
  Operators: { Operators: fields("address[] operators, uint256 threshold, uint32 set, uint256 nonce, uint64 deadline") },
  Pause: { Pause: fields("uint64 until, uint32 set, uint256 nonce, uint64 deadline") },
  Token: { Token: fields("address token, bool accepted, uint32 set, uint256 nonce, uint64 deadline") },
  Ruling: {
    Ruling: fields(
      "bytes32 trade, uint32 number, uint16 paymentShare, uint16 bondShare, uint16 depositShare, " +
        "uint64 deadline",
    ),
  },
};

const TOKEN = "0x0000000000000000000000000000000000007e57";
const HIGHEST = "0x" + "ff".repeat(20);
const operator = account(10);
const addresses = (...keys) => keys.map((key) => account(key).address);

const FIRST = { set: "1", deadline: "1700086400" };
const LATE = { set: "1", deadline: MAX(64) };
const LARGEST = { set: MAX(32), nonce: MAX(256), deadline: MAX(64) };

const ruling = (held) => ({
  trade: held,
  number: "1",
  paymentShare: "3333",
  bondShare: "5000",
  depositShare: "2500",
  deadline: "1700086400",
});
const largestRuling = {
  trade: "0x" + "ff".repeat(32),
  number: MAX(32),
  paymentShare: MAX(16),
  bondShare: MAX(16),
  depositShare: MAX(16),
  deadline: MAX(64),
};

/** @param held Digest of a trade in escrow, for the operators to rule on. */
export const decisions = (held) =>
  Promise.all(
    [
      ["a token accepted", "Token", { token: TOKEN, accepted: true, nonce: "1", ...FIRST }],
      ["a pause of a day", "Pause", { until: "1700086400", nonce: "2", ...FIRST }],
      ["a pause until the last second of 64 bits", "Pause", { until: MAX(64), nonce: "3", ...LATE }],
      ["a pause lifted", "Pause", { until: "0", nonce: "4", ...LATE }],
      ["the highest address no longer accepted", "Token", { token: HIGHEST, accepted: false, nonce: "5", ...LATE }],
      ["nobody, and more than all needed", "Operators", { operators: [], threshold: MAX(256), nonce: "6", ...LATE }],
      ["three, all needed", "Operators", { operators: addresses(13, 10, 12), threshold: "3", nonce: "6", ...LATE }],
      ["largest set", "Operators", { operators: Array(3).fill(HIGHEST), threshold: MAX(256), ...LARGEST }],
      ["largest pause", "Pause", { until: MAX(64), ...LARGEST }],
      ["largest token", "Token", { token: HIGHEST, accepted: true, ...LARGEST }],
      ["a third of the payment to the supplier", "Ruling", ruling(held)],
      ["largest ruling", "Ruling", largestRuling],
    ].map(([name, type, message]) => vector(name, type, TYPES[type], message, operator)),
  );
