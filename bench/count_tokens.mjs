// Count o200k_base tokens: reads a JSON list of texts on stdin, writes a JSON list of counts on stdout.
// js-tiktoken is a development dependency of the frontend; CHARTSIDE_NODE_PACKAGE may name another package.json.
import { createRequire } from "node:module";

const home = process.env.CHARTSIDE_NODE_PACKAGE ?? new URL("../frontend/package.json", import.meta.url);
const require = createRequire(home);
const { Tiktoken } = require("js-tiktoken/lite");
const encoder = new Tiktoken(require("js-tiktoken/ranks/o200k_base"));

let text = "";
for await (const chunk of process.stdin) text += chunk;
process.stdout.write(JSON.stringify(JSON.parse(text).map((t) => encoder.encode(t, [], []).length)));
