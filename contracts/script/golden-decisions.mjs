// EIP-712 vectors of what the operators decide. Those with a nonce from 1 on stand in the order in which an exchange
// that counted one decision before takes them; "largest" ones no exchange can ever reach.
import { MAX, account, fields, vector } from "./golden-vectors.mjs";

const TYPES = {
  Operators: { Operators: fields("address[] operators, uint256 threshold, uint256 nonce") },
  Pause: { Pause: fields("uint64 until, uint256 nonce") },
  Token: { Token: fields("address token, bool accepted, uint256 nonce") },
  Ruling: { Ruling: fields("bytes32 trade, uint16 supplierShare") },
};

const TOKEN = "0x0000000000000000000000000000000000007e57";
const HIGHEST = "0x" + "ff".repeat(20);
const operator = account(10);
const addresses = (...keys) => keys.map((key) => account(key).address);

/** @param held Digest of a trade in escrow, for the operators to rule on. */
export const decisions = (held) =>
  Promise.all(
    [
      ["a token accepted", "Token", { token: TOKEN, accepted: true, nonce: "1" }],
      ["a pause of a day", "Pause", { until: "1700086400", nonce: "2" }],
      ["a pause until the last second of 64 bits", "Pause", { until: MAX(64), nonce: "3" }],
      ["a pause lifted", "Pause", { until: "0", nonce: "4" }],
      ["the highest address no longer accepted", "Token", { token: HIGHEST, accepted: false, nonce: "5" }],
      ["nobody, and more than all needed", "Operators", { operators: [], threshold: MAX(256), nonce: "6" }],
      ["three operators, all needed", "Operators", { operators: addresses(13, 10, 12), threshold: "3", nonce: "6" }],
      ["largest set", "Operators", { operators: Array(3).fill(HIGHEST), threshold: MAX(256), nonce: MAX(256) }],
      ["largest pause", "Pause", { until: MAX(64), nonce: MAX(256) }],
      ["largest token", "Token", { token: HIGHEST, accepted: true, nonce: MAX(256) }],
      ["a third to the supplier", "Ruling", { trade: held, supplierShare: "3333" }],
      ["largest ruling", "Ruling", { trade: "0x" + "ff".repeat(32), supplierShare: MAX(16) }],
    ].map(([name, type, message]) => vector(name, type, TYPES[type], message, operator)),
  );
