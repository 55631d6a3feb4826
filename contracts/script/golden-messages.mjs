// One EIP-712 vector for each message between participants; the types stand here in full, independent of the Python
// that must reproduce them.
import { encodeBytes32String } from "ethers";

import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const ALTERNATIVE = fields("bytes32 resource, uint64 quantity");
const SUB_TASK = fields(
  "bytes32 id, uint64 start, uint64 end, bool divisible, Alternative[] alternatives",
);
const PRICE_TERMS = fields(
  "string concept, uint128 demandWeight, uint128 supplyWeight, uint128 maintenance, uint64 capacity, address token, " +
    "bool lots, uint32 step, uint32 least, uint128 start",
);
const EXIT = fields("uint128 price, uint128 units");

const DELIVERY = fields(
  "uint32 deliverWithin, uint32 disputeWithin, uint32 decideWithin, uint16 lateShare, uint16 silenceShare, " +
    "uint16 undecidedShare, uint16 bondShare, uint16 latePenalty, uint16 exitPenalty",
);

const CARD = fields("bytes maskKey, bytes consent");

/** Of `golden-masked`; it shares terms and delivery with what is here. */
export const MASKED_OPENING = {
  MaskedOpening: fields(
    "address supplier, bytes32 listing, uint64 slotStart, uint64 slotEnd, PriceTerms terms, Delivery delivery, " +
      "Card[] cards, uint256 capSum, uint32 roundLimit, uint32 roundTime, uint64 ends",
  ),
  PriceTerms: PRICE_TERMS,
  Delivery: DELIVERY,
  Card: CARD,
};

const TYPES = {
  Demand: {
    Demand: fields("address demander, uint64 sequence, uint64 offersUntil, uint64 opens, SubTask[] subTasks"),
    SubTask: SUB_TASK,
    Alternative: ALTERNATIVE,
  },
  Offer: {
    Offer: fields(
      "address supplier, bytes32 demand, bytes32 subTask, bytes32 listing, bytes32 resource, uint64 slot, " +
        "uint64 slotEnd, uint64 quantity, uint128 unitPrice, uint64 opens, PriceTerms terms, Delivery delivery",
    ),
    PriceTerms: PRICE_TERMS,
    Delivery: DELIVERY,
  },
  Selection: {
    Selection: fields(
      "address demander, bytes32 offer, bytes32 subTask, bytes32 listing, uint64 quantity, bool divisible, " +
        "SeatRequest[] masked",
    ),
    SeatRequest: fields("Card card, uint32 least, bool open"),
    Card: CARD,
  },
  Refusal: { Refusal: fields("address supplier, bytes32 selection, string reason") },
  Opening: {
    Opening: fields(
      "address supplier, bytes32 listing, uint64 slotStart, uint64 slotEnd, PriceTerms terms, Delivery delivery, " +
        "uint32 seats, bytes32 roster, uint32 roundTime, uint64 ends",
    ),
    PriceTerms: PRICE_TERMS,
    Delivery: DELIVERY,
  },
  Quote: {
    Quote: fields(
      "address supplier, bytes32 session, uint32 round, bytes32 previous, bytes32 tree, uint256 sum, uint256 moving, " +
        "uint32[] dropped, uint128 price, uint256 supply",
    ),
  },
  Reply: {
    Reply: fields(
      "address demander, bytes32 session, uint32 seat, bytes32 quote, uint256 quantity, Exit[] exits",
    ),
    Exit: EXIT,
  },
  Close: {
    Close: fields(
      "address supplier, bytes32 session, bytes32 previous, bytes32 tree, uint256 sum, uint256 moving, " +
        "uint64 awarded, uint256 paid, uint32[] dropped, uint128 price, Exit[] exits",
    ),
    Exit: EXIT,
  },
  Counter: {
    Counter: fields(
      "address sender, bytes32 session, uint32 sequence, bytes32 previous, uint128 unitPrice, uint64 quantity, " +
        "string reason",
    ),
  },
  SplitOffer: {
    SplitOffer: fields("address party, Split split, bytes consent"),
    Split: fields("bytes32 trade, uint128 toSupplier, uint128 toDemander, uint64 deadline, uint32 nonce"),
  },
};

const demander = account(1);
const supplier = account(2);

export const terms = {
  concept: "balanced",
  demandWeight: "800000",
  supplyWeight: "200000",
  maintenance: "10",
  capacity: MAX(64),
  token: account(3).address,
  lots: true,
  step: "4",
  least: MAX(32),
  start: MAX(128),
};

export const delivery = {
  deliverWithin: "86400",
  disputeWithin: "259200",
  decideWithin: MAX(32),
  lateShare: "0",
  silenceShare: "10000",
  undecidedShare: "5000",
  bondShare: "1000",
  latePenalty: MAX(16),
  exitPenalty: "2500",
};

const MESSAGES = {
  Demand: {
    demander: demander.address,
    sequence: "3",
    offersUntil: "1700003585",
    opens: "1700003600",
    subTasks: [
      {
        id: hashed("milling"),
        start: "1700000000",
        end: "1700086400",
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
    opens: "1700003600",
    terms,
    delivery,
  },
  Selection: {
    demander: demander.address,
    offer: hashed("offer"),
    subTask: hashed("milling"),
    listing: hashed("listing"),
    quantity: "12",
    divisible: true,
    masked: [{ card: { maskKey: "0x02" + "ab".repeat(32), consent: "0x1234" }, least: "5", open: true }],
  },
  Refusal: { supplier: supplier.address, selection: hashed("selection"), reason: "kein Platz für 12 Stück" },
  Opening: {
    supplier: supplier.address,
    listing: hashed("listing"),
    slotStart: "1700000000",
    slotEnd: "1700086400",
    terms,
    delivery,
    seats: "2",
    roster: hashed("roster"),
    roundTime: "15",
    ends: "1700003660",
  },
  Quote: {
    supplier: supplier.address,
    session: hashed("opening"),
    round: "2",
    previous: hashed("quote"),
    tree: hashed("replies"),
    sum: "275000000",
    moving: MAX(256),
    dropped: ["0", MAX(32)],
    price: "115",
    supply: MAX(256),
  },
  Reply: {
    demander: demander.address,
    session: hashed("opening"),
    seat: "1",
    quote: hashed("quote"),
    quantity: MAX(256),
    exits: [
      { price: "41", units: "3" },
      { price: MAX(128), units: MAX(128) },
    ],
  },
  Close: {
    supplier: supplier.address,
    session: hashed("opening"),
    previous: hashed("quote"),
    tree: hashed("answers"),
    sum: "12",
    moving: "0",
    awarded: MAX(64),
    paid: MAX(256),
    dropped: [],
    price: "115",
    exits: [{ price: "41", units: "3" }],
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
  SplitOffer: {
    party: supplier.address,
    split: {
      trade: hashed("trade"),
      toSupplier: MAX(128),
      toDemander: "0",
      deadline: "1700172800",
      nonce: MAX(32),
    },
    consent: "0x1234",
  },
};

const byAuthor = (name) => {
  const message = MESSAGES[name];
  const author = message.demander ?? message.supplier ?? message.sender ?? message.party;
  return vector(name, name, TYPES[name], message, author === demander.address ? demander : supplier);
};

export const messages = await Promise.all(Object.keys(TYPES).map(byAuthor));
