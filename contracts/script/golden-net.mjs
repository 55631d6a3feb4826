// EIP-712 vectors of net batches. Beside what is signed stand the words of its Merkle trees, two for each leaf: of the
// trades digest and salt, of rows and sales what settleNet takes.
import { AbiCoder, concat, keccak256 } from "ethers";

import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const TYPES = {
  NetBatch: fields("address token, bytes32 trades, bytes32 rows, bytes32 sales, uint64 validUntil"),
};
const ZERO = "0x" + "00".repeat(32);
const FULL = "0x" + "ff".repeat(32);
const HIGHEST = "0x" + "ff".repeat(20);

const leaf = (pair) => keccak256(AbiCoder.defaultAbiCoder().encode(["uint256", "bytes32", "bytes32"], [1, ...pair]));
const node = (left, right) => keccak256(concat([left, right]));

/** A level of two nodes and more is halved, an odd node goes up as it is. */
function root(level) {
  if (level.length < 2) return level[0] ?? ZERO;
  const pairs = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => level.slice(2 * i, 2 * i + 2));
  return root(pairs.map((pair) => (pair.length === 2 ? node(...pair) : pair[0])));
}

/** Fields as [value, bits] from the lowest bits up, in one word. */
function word(...parts) {
  let [sum, at] = [0n, 0n];
  for (const [value, bits] of parts) {
    if (BigInt(value) >> BigInt(bits) !== 0n) throw new Error(`${value} does not fit ${bits} bits`);
    sum |= BigInt(value) << at;
    at += BigInt(bits);
  }
  if (at !== 256n) throw new Error(`${at} bits in a word`);
  return "0x" + sum.toString(16).padStart(64, "0");
}

const row = ({ who, mask, amount, epoch, sales, direction, salt }) => [
  word([who, 160], [mask, 96]),
  word([amount, 128], [epoch, 32], [sales, 16], [direction, 8], [salt, 72]),
];
const sale = ({ listing, quantity, epoch, seller, salt }) => [
  listing,
  word([quantity, 64], [epoch, 32], [seller, 32], [salt, 128]),
];

async function batch(name, token, validUntil, trees) {
  const message = {
    token,
    trades: root(trees.trades.map(leaf)),
    rows: root(trees.rows.map(leaf)),
    sales: root(trees.sales.map(leaf)),
    validUntil,
  };
  const words = Object.fromEntries(Object.entries(trees).map(([tree, pairs]) => [tree, pairs.flat()]));
  return { ...(await vector(name, "NetBatch", TYPES, message, account(5))), words };
}

/** Five accounts of which two sell on three listings: as many leaves, so that odd ones go up. */
function cycle(trades) {
  const accounts = [4, 5, 6, 7, 8].map((key) => account(key).address).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  const changes = [900, -250, 0, 100, -750];
  const sold = [2, 0, 0, 1, 0];
  const rows = accounts.map((who, i) => ({
    who,
    mask: 1n << BigInt(i) | 1n << 95n,
    amount: Math.abs(changes[i]),
    epoch: 1700000000 + i,
    sales: sold[i],
    direction: changes[i] < 0 ? 1 : 0,
    salt: BigInt(hashed(`row ${i}`)) >> 184n,
  }));
  const listings = ["mill, slot 7", "lathe, slot 3", "mill, slot 8"].map(hashed).sort();
  const sales = listings.map((listing, i) => ({
    listing,
    quantity: 12 + i,
    epoch: i,
    seller: [0, 3, 0][i],
    salt: BigInt(hashed(`sale ${i}`)) >> 128n,
  }));
  return { trades: trades.map((digest, i) => [digest, hashed(`trade ${i}`)]), rows: rows.map(row), sales: sales.map(sale) };
}

/** @param trades Digests of the trades netted. */
export const net = (trades, token) =>
  Promise.all([
    batch("five accounts, three listings, as many trades as there are", token, "1700000300", cycle(trades)),
    batch("one account, nothing sold", token, "1700000300", {
      trades: [],
      rows: [row({ who: account(5).address, mask: 1, amount: 0, epoch: 0, sales: 0, direction: 0, salt: 0 })],
      sales: [],
    }),
    batch("largest value of every field", HIGHEST, MAX(64), {
      trades: [[FULL, FULL]],
      rows: [[FULL, FULL], [FULL, FULL]],
      sales: [[FULL, FULL]],
    }),
  ]);
