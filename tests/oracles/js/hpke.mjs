// Seals as a browser makes and opens them: @hpke/core with X-Wing. Context and padding are written here once more,
// from docs/protocol.md section 3, and share nothing with the code under test.

import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { answer, fromB64u, toB64u } from "./stdio.mjs";

const PADDED_BYTES = [1024, 4096, 16384, 65536];
const LENGTH_BYTES = 4;
const ENCAPSULATION_BYTES = 1120;

const kem = new XWing();
const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const ids = [suite.kem.id, suite.kdf.id, suite.aead.id].map((id) => id.toString(16).padStart(4, "0"));

function info(context) {
  const ordered = Object.fromEntries(Object.keys(context).sort().map((name) => [name, context[name]]));
  return new TextEncoder().encode(`simpul/seal/v1\0${JSON.stringify(ordered)}`);
}

function pad(content, size = PADDED_BYTES.find((each) => LENGTH_BYTES + content.length <= each)) {
  const padded = new Uint8Array(size);
  new DataView(padded.buffer).setUint32(0, content.length);
  padded.set(content, LENGTH_BYTES);
  return padded;
}

function unpad(padded) {
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0);
  const content = padded.slice(LENGTH_BYTES, LENGTH_BYTES + length);
  if (Buffer.compare(pad(content), padded) !== 0) throw new RangeError("another padding");
  return content;
}

async function pair(keys) {
  const [seed, raw] = [await kem.serializePrivateKey(keys.privateKey), await kem.serializePublicKey(keys.publicKey)];
  return { seed: toB64u(seed), public: toB64u(raw), suite: ids.join("-") };
}

await answer({
  derive: async ({ seed }) => pair(await kem.generateKeyPairDerand(fromB64u(seed))),

  generate: async () => pair(await kem.generateKeyPair()),

  async seal({ public: raw, context, content, size }) {
    const recipientPublicKey = await kem.importKey("raw", fromB64u(raw).buffer, true);
    const sender = await suite.createSenderContext({ recipientPublicKey, info: info(context) });
    const sealed = await sender.seal(pad(fromB64u(content), size).buffer);
    return { sealed: toB64u(Buffer.concat([Buffer.from(sender.enc), Buffer.from(sealed)])) };
  },

  async open({ seed, context, sealed }) {
    const raw = fromB64u(sealed);
    const recipientKey = await kem.importKey("raw", fromB64u(seed).buffer, false);
    const enc = raw.slice(0, ENCAPSULATION_BYTES).buffer;
    const recipient = await suite.createRecipientContext({ recipientKey, enc, info: info(context) });
    const padded = new Uint8Array(await recipient.open(raw.slice(ENCAPSULATION_BYTES).buffer));
    return { content: toB64u(unpad(padded)), padded: padded.length };
  },
});
