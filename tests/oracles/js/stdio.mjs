// One run answers a list of questions: JSON on standard input, as many answers on standard output.

import { webcrypto } from "node:crypto";
import { text } from "node:stream/consumers";

// Node.js 18 has WebCrypto, but not yet under the name by which browsers know it.
globalThis.crypto ??= webcrypto;

export const fromB64u = (encoded) => new Uint8Array(Buffer.from(encoded, "base64url"));
export const toB64u = (bytes) => Buffer.from(bytes).toString("base64url");

/** Answer each question `{"op":…}` by the function of that name; what it throws becomes `{"refused":code}`. */
export async function answer(operations) {
  const answers = [];
  for (const { op, ...members } of JSON.parse(await text(process.stdin))) {
    const operation = operations[op];
    if (!operation) throw new Error(`no such operation: ${op}`);
    try {
      answers.push(await operation(members));
    } catch (error) {
      answers.push({ refused: error.code ?? error.name });
    }
  }
  process.stdout.write(JSON.stringify(answers));
}
