// EIP-712 vectors of what is said while whole products are bought in rounds.
import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const DELIVERY = fields(
  "uint32 deliverWithin, uint32 disputeWithin, uint32 decideWithin, uint16 lateShare, uint16 silenceShare, " +
    "uint16 undecidedShare, uint16 bondShare, uint16 latePenalty, uint16 exitPenalty",
);
const LINE = fields("bytes32 listing, uint64 quantity, uint128 unitPrice, bytes32 salt");
const PART = fields("address supplier, bytes32 line");
const TERMS = fields(
  "address demander, bytes32 product, uint64 beat, uint128 rate, bytes32 replaces, Part[] parts",
);
const GRANT = fields("address supplier, bytes32 bid, uint64 beat, bool held, bytes32 rival, uint128 rate");
const SIGNED = fields("Grant grant, bytes consent");

const TYPES = {
  Need: { Need: fields("address demander, bytes32 product, uint64 cycle, bytes32 resource, uint64 start, uint64 end") },
  PriceList: {
    PriceList: fields("address supplier, uint64 at, bytes32 resource, address token, Delivery delivery, Ware[] wares"),
    Delivery: DELIVERY,
    Ware: fields("bytes32 listing, uint64 start, uint64 end, uint128 price, uint64 room, uint64 asked, uint64 spare"),
  },
  Plan: {
    Plan: fields("address demander, bytes32 product, uint64 at, Asked[] lines"),
    Asked: fields("bytes32 listing, uint64 quantity"),
  },
  SealedBid: { SealedBid: fields("address demander, uint64 beat, bytes32 bid") },
  Bid: {
    Bid: fields("BidTerms terms, bytes consent, Line[] lines"),
    BidTerms: TERMS,
    Part: PART,
    Line: LINE,
  },
  Answer: {
    Answer: fields("SignedGrant signed, Rival[] rivals"),
    SignedGrant: SIGNED,
    Grant: GRANT,
    Rival: fields("BidTerms terms, bytes consent, Line[] lines"),
    BidTerms: TERMS,
    Part: PART,
    Line: LINE,
  },
  Confirm: {
    Confirm: fields("address demander, bytes32 bid, SignedGrant[] grants"),
    SignedGrant: SIGNED,
    Grant: GRANT,
  },
  Booked: {
    Booked: fields("address supplier, bytes32 bid, uint64 nonce, Sold[] lines"),
    Sold: fields("bytes32 listing, uint64 quantity, uint128 unitPrice"),
  },
  Countersigned: { Countersigned: fields("address supplier, bytes32 trade, bytes consent") },
  Release: { Release: fields("address demander, bytes32 bid") },
};

const supplier = account(4);
const demander = account(1);
const other = account(2);
const product = hashed("product");
const listing = hashed("listing");
const CONSENT = "0x" + "5c".repeat(65);

const line = { listing, quantity: "12", unitPrice: "1450", salt: hashed("salt") };
const terms = (who, rate) => ({
  demander: who.address,
  product,
  beat: "1700000040",
  rate,
  replaces: "0x" + "00".repeat(32),
  parts: [{ supplier: supplier.address, line: hashed("line") }],
});
const grant = (held, rate) => ({
  supplier: supplier.address,
  bid: hashed("bid"),
  beat: "1700000040",
  held,
  rival: hashed("rival"),
  rate,
});

export async function products() {
  const said = (name, type, message, signer) => vector(name, type, TYPES[type], message, signer);
  const beat = "1700000040";
  const delivery = Object.fromEntries(DELIVERY.map(({ name, type }) => [name, MAX(Number(type.slice(4)))]));
  return [
    await said(
      "need of a product",
      "Need",
      { demander: demander.address, product, cycle: beat, resource: hashed("lathe"), start: "1700003600", end: MAX(40) },
      demander,
    ),
    await said(
      "price list, largest value of every number",
      "PriceList",
      {
        supplier: supplier.address,
        at: MAX(64),
        resource: hashed("lathe"),
        token: other.address,
        delivery,
        wares: [
          {
            listing,
            start: MAX(64),
            end: MAX(64),
            price: MAX(128),
            room: MAX(64),
            asked: MAX(64),
            spare: MAX(64),
          },
        ],
      },
      supplier,
    ),
    await said(
      "plan of two lines",
      "Plan",
      {
        demander: demander.address,
        product,
        at: beat,
        lines: [
          { listing, quantity: "12" },
          { listing: hashed("another listing"), quantity: "7" },
        ],
      },
      demander,
    ),
    await said("plan that asks for nothing", "Plan", { demander: demander.address, product, at: beat, lines: [] }, demander),
    await said("sealed bid", "SealedBid", { demander: demander.address, beat, bid: hashed("bid") }, demander),
    await said("opened bid", "Bid", { terms: terms(demander, "2100"), consent: CONSENT, lines: [line] }, demander),
    await said(
      "grant with the rival that failed behind it",
      "Answer",
      {
        signed: { grant: grant(true, "1900"), consent: CONSENT },
        rivals: [{ terms: terms(other, "1900"), consent: CONSENT, lines: [line] }],
      },
      supplier,
    ),
    await said(
      "bid that is not held",
      "Answer",
      { signed: { grant: grant(false, "0"), consent: CONSENT }, rivals: [] },
      supplier,
    ),
    await said(
      "confirmation",
      "Confirm",
      { demander: demander.address, bid: hashed("bid"), grants: [{ grant: grant(true, MAX(128)), consent: CONSENT }] },
      demander,
    ),
    await said(
      "booking",
      "Booked",
      {
        supplier: supplier.address,
        bid: hashed("bid"),
        nonce: MAX(64),
        lines: [{ listing, quantity: "12", unitPrice: "3350" }],
      },
      supplier,
    ),
    await said(
      "signature of a trade",
      "Countersigned",
      { supplier: supplier.address, trade: hashed("trade"), consent: CONSENT },
      supplier,
    ),
    await said("release", "Release", { demander: demander.address, bid: hashed("bid") }, demander),
  ];
}
