// One EIP-712 vector for each message between participants; the types stand here in full, independent of the Python
// that must reproduce them.
import { encodeBytes32String } from "ethers";

import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const ALTERNATIVE = fields("bytes32 resource, uint64 quantity");
const SUB_TASK = fields(
  "bytes32 id, uint64 start, uint64 end, uint128 firstPrice, bool divisible, Alternative[] alternatives",
);
const PRICE_TERMS = fields(
  "string concept, uint128 demandWeight, uint128 supplyWeight, uint128 maintenance, uint64 capacity",
);
const MEMBER = fields("address demander, bytes32 selection, bytes32 subTask, uint64 quantity, bool divisible, uint64 supplierNonce");

const TYPES = {
  Demand: {
    Demand: fields("address demander, uint64 sequence, uint64 validUntil, SubTask[] subTasks"),
    SubTask: SUB_TASK,
    Alternative: ALTERNATIVE,
  },
  Offer: {
    Offer: fields(
      "address supplier, bytes32 demand, bytes32 subTask, bytes32 listing, bytes32 resource, uint64 slot, " +
        "uint64 slotEnd, uint64 quantity, uint128 unitPrice, uint64 validUntil, PriceTerms terms",
    ),
    PriceTerms: PRICE_TERMS,
  },
  Selection: {
    Selection: fields(
      "address demander, bytes32 offer, bytes32 subTask, bytes32 listing, uint64 quantity, bool divisible",
    ),
  },
  Refusal: { Refusal: fields("address supplier, bytes32 selection, string reason") },
  Opening: {
    Opening: fields("address supplier, bytes32 listing, uint64 slotEnd, PriceTerms terms, Member[] members"),
    PriceTerms: PRICE_TERMS,
    Member: MEMBER,
  },
  Quote: {
    Quote: fields(
      "address supplier, bytes32 session, uint32 round, bytes32 previous, uint128 price, uint256 sum, " +
        "uint256 supply, bool final",
    ),
  },
  Reply: { Reply: fields("address demander, bytes32 session, uint32 seat, bytes32 quote, uint256 quantity") },
  Claim: {
    Claim: fields(
      "address demander, bytes32 session, uint32 seat, bytes32 quote, uint64 quantity, uint256 surplus",
    ),
  },
  Close: { Close: fields("address supplier, bytes32 session, bytes32 previous, uint128 price, uint64[] awards") },
  Counter: {
    Counter: fields(
      "address sender, bytes32 session, uint32 sequence, bytes32 previous, uint128 unitPrice, uint64 quantity, " +
        "string reason",
    ),
  },
};

const demander = account(1);
const supplier = account(2);

const terms = {
  concept: "balanced",
  demandWeight: "800000",
  supplyWeight: "200000",
  maintenance: "10",
  capacity: MAX(64),
};

const MESSAGES = {
  Demand: {
    demander: demander.address,
    sequence: "3",
    validUntil: "1700003600",
    subTasks: [
      {
        id: hashed("milling"),
        start: "1700000000",
        end: "1700086400",
        firstPrice: "77",
        divisible: true,
        alternatives: [
          { resource: encodeBytes32String("mill"), quantity: "12" },
          { resource: encodeBytes32String("lathe"), quantity: MAX(64) },
        ],
      },
      {
        id: hashed("drilling"),
        start: "1700086400",
        end: "1700172800",
        firstPrice: MAX(128),
        divisible: false,
        alternatives: [],
      },
    ],
  },
  Offer: {
    supplier: supplier.address,
    demand: hashed("demand"),
    subTask: hashed("milling"),
    listing: hashed("listing"),
    resource: encodeBytes32String("mill"),
    slot: "7",
    slotEnd: "1700086400",
    quantity: "12",
    unitPrice: "115",
    validUntil: "1700003600",
    terms,
  },
  Selection: {
    demander: demander.address,
    offer: hashed("offer"),
    subTask: hashed("milling"),
    listing: hashed("listing"),
    quantity: "12",
    divisible: true,
  },
  Refusal: { supplier: supplier.address, selection: hashed("selection"), reason: "kein Platz für 12 Stück" },
  Opening: {
    supplier: supplier.address,
    listing: hashed("listing"),
    slotEnd: "1700086400",
    terms,
    members: [
      {
        demander: demander.address,
        selection: hashed("selection"),
        subTask: hashed("milling"),
        quantity: "12",
        divisible: true,
        supplierNonce: "95",
      },
      {
        demander: account(3).address,
        selection: hashed("another selection"),
        subTask: hashed("drilling"),
        quantity: MAX(64),
        divisible: false,
        supplierNonce: MAX(64),
      },
    ],
  },
  Quote: {
    supplier: supplier.address,
    session: hashed("opening"),
    round: "2",
    previous: hashed("replies"),
    price: "115",
    sum: "275000000",
    supply: MAX(256),
    final: true,
  },
  Reply: {
    demander: demander.address,
    session: hashed("opening"),
    seat: "1",
    quote: hashed("quote"),
    quantity: MAX(256),
  },
  Claim: {
    demander: demander.address,
    session: hashed("opening"),
    seat: MAX(32),
    quote: hashed("final quote"),
    quantity: "12",
    surplus: "480",
  },
  Close: {
    supplier: supplier.address,
    session: hashed("opening"),
    previous: hashed("claims"),
    price: "115",
    awards: ["12", "0", MAX(64)],
  },
  Counter: {
    sender: supplier.address,
    session: hashed("opening"),
    sequence: "5",
    previous: hashed("counter"),
    unitPrice: "93",
    quantity: "12",
    reason: "propose",
  },
};

const byAuthor = (name) => {
  const message = MESSAGES[name];
  const author = message.demander ?? message.supplier ?? message.sender;
  return vector(name, name, TYPES[name], message, author === demander.address ? demander : supplier);
};

export const messages = await Promise.all(Object.keys(TYPES).map(byAuthor));
