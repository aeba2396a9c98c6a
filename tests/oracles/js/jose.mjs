// npm's jose as whoever calls it with nothing but a key: no options, no list of algorithms.

import { answer, fromB64u, toB64u } from "./stdio.mjs";

const { CompactSign, calculateJwkThumbprint, compactVerify, exportJWK, generateKeyPair, importJWK } = await import("jose");

await answer({
  async verify({ jwk, jws }) {
    const { payload, protectedHeader } = await compactVerify(jws, await importJWK(jwk, "Ed25519"));
    return { payload: toB64u(payload), header: protectedHeader, thumbprint: await calculateJwkThumbprint(jwk) };
  },

  async sign({ jwk, header, payload }) {
    const statement = new CompactSign(fromB64u(payload)).setProtectedHeader(header);
    return { jws: await statement.sign(await importJWK(jwk, "Ed25519")) };
  },

  async generate() {
    const { privateKey } = await generateKeyPair("Ed25519", { extractable: true });
    const jwk = await exportJWK(privateKey);
    return { jwk, thumbprint: await calculateJwkThumbprint(jwk) };
  },
});
