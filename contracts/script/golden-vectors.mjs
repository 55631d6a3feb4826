// What the golden vectors share: their domain, their accounts, and the vector itself as ethers computes it.
import { TypedDataEncoder, Wallet, id, keccak256, toUtf8Bytes } from "ethers";

export const DOMAIN = {
  name: "Fabmarket",
  version: "1",
  chainId: "31337",
  verifyingContract: "0x00000000000000000000000000000000fab0cafe",
};

/** Largest unsigned integer of so many bits. */
export const MAX = (bits) => ((1n << BigInt(bits)) - 1n).toString();
export const hashed = (text) => keccak256(toUtf8Bytes(text));

/** The account of a small private key; public by intent, never for real money. */
export const account = (key) => new Wallet("0x" + key.toString(16).padStart(64, "0"));

/** "bytes32 id, uint64 start" as ethers wants it. */
export const fields = (text) =>
  text.split(", ").map((field) => {
    const [type, name] = field.split(" ");
    return { name, type };
  });

/** One signed struct with every step from its type to its signature. */
export async function vector(name, primaryType, types, message, signer, domain = DOMAIN) {
  const encodeType = TypedDataEncoder.from(types).encodeType(primaryType);
  return {
    name,
    domain,
    primaryType,
    types,
    message,
    encodeType,
    typeHash: id(encodeType),
    structHash: TypedDataEncoder.hashStruct(primaryType, types, message),
    domainSeparator: TypedDataEncoder.hashDomain(domain),
    digest: TypedDataEncoder.hash(domain, types, message),
    privateKey: signer.privateKey,
    signer: signer.address,
    signature: await signer.signTypedData(domain, types, message),
  };
}
