// The second implementation's side: one JSON request a line on stdin, one JSON answer a line on stdout.
// {"encode": payload} -> {"bytes": base64};  {"decode": base64} -> {"payload": payload}
// 64-bit integers travel as {"long": "decimal"}, bytes as {"base64": "..."}; everything else as itself.
const path = require("path");
const readline = require("readline");
const modules = path.join(process.argv[2], "node_modules");
const { encodePayload, decodePayload } = require(path.join(modules, "sparkplug-payload")).get("spBv1.0");
const Long = require(path.join(modules, "long"));

const fromWire = (value) => {
  if (Long.isLong(value)) return { long: value.toString() };
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(fromWire);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fromWire(v)]));
  return value === undefined ? null : value;
};

const toWire = (value) => {
  if (Array.isArray(value)) return value.map(toWire);
  if (value && typeof value === "object") {
    if ("long" in value) return Long.fromString(value.long, !value.long.startsWith("-"));
    if ("base64" in value) return new Uint8Array(Buffer.from(value.base64, "base64"));
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, toWire(v)]));
  }
  return value;
};

const answer = (request) =>
  "encode" in request
    ? { bytes: Buffer.from(encodePayload(toWire(request.encode))).toString("base64") }
    : { payload: fromWire(decodePayload(new Uint8Array(Buffer.from(request.decode, "base64")))) };

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let found;
  try {
    found = answer(JSON.parse(line));
  } catch (error) {
    found = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(found) + "\n");
});
