// A stand-in for the Flask server, for looking at the built app: `npm run build && node dev/server.mjs [port]`.
// http://localhost:PORT/l/SCENE/ with a scene of SCENES below. Invented data, no rule of the real server.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { banners, card, cards, choices, labelled, models, restricted, source, turns } from "./fixtures.mjs";

const DIST = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; " +
  "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
export const STORED = {
  answer: ["answer"],
  "slim-answer": ["answer"],
  styled: ["answer"],
  "styled-night": ["answer"],
  uncited: ["uncited"],
  failed: ["failed"],
  "failed-whole": ["failed-whole"],
  "no-model": ["no-model"],
  negative: ["negative", "unread"],
  mismatch: ["mismatch"],
  cut: ["cut"],
  stopped: ["stopped"],
};
export const SCENES = [
  "card",
  "streaming",
  "reading",
  "down",
  "expired",
  "restricted",
  "foreign",
  "opt-out",
  "ending",
  "longest",
  "ended-asking",
  "short",
  "slim",
  "slim-answer",
  "merged",
  "glass",
  "switched-off",
  "labelled",
  "chat-off",
  "styled",
  "styled-night",
  ...Object.keys(STORED),
  ...Object.keys(banners),
];

export function start(port = 0) {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://x");
    const [, first, second, id, ...rest] = pathname.split("/");
    if (first === "assets") asset(response, pathname);
    else if (first === "l" && id === "resume") json(response, second, { launch_id: second, key: "dev" });
    else if (first === "l") html(response, { page: "launch-session", launch_id: second });
    else if (first === "error") html(response, ERROR);
    else if (first === "smart") launchPage(response, id);
    else if (pathname === "/api/launches/complete") json(response, "card", { launch_id: "card", key: "dev" });
    else if (first === "api" && second === "launches") api(request, response, id, rest, searchParams);
    else response.writeHead(404).end();
  });
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => resolve({ server, port: server.address().port }));
  });
}

/** /smart/dev/launch goes straight on to /smart/dev/callback, as an EHR does that asks nobody. */
function launchPage(response, step) {
  if (step === "callback") return html(response, { page: "callback", slug: "dev" });
  const authorize = "/smart/dev/callback?code=c&state=s";
  return html(response, { page: "launch", authorize, state: "s", bind: "b" }, "src/launch.ts");
}

const LIFE = {
  long: { idle_s: 1800, absolute_s: 28_800, warn_s: 120 },
  ending: { idle_s: 100, absolute_s: 28_800, warn_s: 120 },
  longest: { idle_s: 1800, absolute_s: 100, warn_s: 120 },
};

// What the server makes of sandbox/styles.py "clinic" and "night".
const STYLES = {
  styled: {
    scheme: "light",
    colors: [
      { name: "bg", value: "#f3efe6" },
      { name: "ink", value: "#1d1a14" },
      { name: "brand", value: "#4b3fa0" },
      { name: "brand-ink", value: "#ffffff" },
    ],
    font_size_px: 15,
    font_family: '"Georgia","Times New Roman",serif',
  },
  "styled-night": {
    scheme: "dark",
    colors: [
      { name: "bg", value: "#0b0f14" },
      { name: "ink", value: "#f2f2f2" },
      { name: "brand", value: "#8fd3ff" },
      { name: "brand-ink", value: "#06212d" },
    ],
    font_size_px: 0,
    font_family: "",
  },
};

const ERROR = {
  page: "error",
  title: "This launch cannot be finished.",
  text: "The EHR did not say which patient is open. Open Chartside again from a patient’s chart.",
  code: "launch.no_patient",
  reference: "7Q4K-31A8",
  help_desk: "555-0142",
};

function api(request, response, id, rest, query) {
  if (request.method === "DELETE") return response.writeHead(204, { "X-Launch-Id": id }).end();
  if (id === "expired") return problem(response, id, 401, "session.ended", "Your session has ended.");
  if (rest.length === 0) return json(response, id, snapshot(id));
  if (rest[0] === "style") return json(response, id, STYLES[id]);
  if (rest[0] === "life") return json(response, id, LIFE[id] ?? LIFE.long);
  if (id === "chat-off" && rest[0] === "turns") {
    const why = "Reason: drill. Help desk: 555-0142.";
    return problem(
      response,
      id,
      503,
      "action.switched_off",
      "Asking questions is switched off by the IT department.",
      why,
    );
  }
  if (id === "ended-asking" && rest[0] === "turns")
    return problem(response, id, 401, "session.ended", "Your session has ended.");
  if (rest[0] === "model") return modelFor(request, response, id);
  // What a mixed-up proxy would do: an answer of another chart.
  if (id === "foreign" && rest[0] === "sources") return json(response, "another", source(1));
  if (rest[0] === "card") return cardFor(response, id, query.get("again") === "1");
  if (rest[0] === "sources") return setTimeout(() => json(response, id, source(Number(rest[1]))), 60);
  if (rest[0] === "turns" && rest[2] === "stop") return response.writeHead(204, { "X-Launch-Id": id }).end();
  if (rest[0] === "turns") return stream(request, response, id);
  return response.writeHead(404).end();
}

const STOPS = {
  merged: [409, "chart.merged", "This record was merged into another.", "Re-open the chart from the EHR."],
  glass: [
    403,
    "chart.restricted",
    "The EHR restricts this chart.",
    "Open it there if you need it, then relaunch. Chartside does not break the glass.",
  ],
  "switched-off": [
    503,
    "switched_off",
    "Chartside for Harbor Clinic is switched off by the IT department.",
    "Reason: wrong doses were reported. Help desk: 555-0142.",
  ],
};

function cardFor(response, id, again) {
  if (id in STOPS) return problem(response, id, ...STOPS[id]);
  if (id === "labelled") return json(response, id, labelled);
  if (id === "reading") return undefined;
  if (id === "down" && !again)
    return problem(response, id, 503, "ehr.unavailable", "The EHR does not answer.");
  const held = id === "restricted" ? restricted : null;
  return json(response, id, { ...(cards[id] ?? card), restricted: held });
}

function choicesFor(id) {
  if (id === "opt-out") return choices.optOut;
  return withoutModel(id) ? choices.none : choices.several;
}

function withoutModel(id) {
  return ["no-model", "opt-out"].includes(id);
}

async function modelFor(request, response, id) {
  const offered = choicesFor(id);
  if (request.method !== "PUT") return json(response, id, offered);
  let body = "";
  for await (const part of request) body += part;
  return json(response, id, { ...offered, current: JSON.parse(body).id });
}

function snapshot(id) {
  const { family, given, born } = banners[id] ?? card.banner;
  return {
    launch_id: id,
    patient: { family, given, born },
    user_name: "A. Osei, MD",
    site_name: "Harbor Clinic",
    help_desk: "555-0142",
    safety_contact: "safety@harbor.example",
    locale: "en-US",
    patient_banner: !id.startsWith("slim"),
    styled: id.startsWith("styled"),
    model: withoutModel(id) ? models.none : models.claude,
    conversation: (STORED[id] ?? []).map((name) => ({ turn_id: `turn-${name}`, ...turns[name] })),
  };
}

function stream(request, response, id) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "X-Launch-Id": id });
  const scene = turns[id === "short" ? "negative" : id] ?? turns["no-model"];
  const pending = [...scene.events];
  const timer = setInterval(() => {
    const event = pending.shift();
    if (event !== undefined) response.write(`data: ${JSON.stringify(event)}\n\n`);
    else if (id === "streaming") response.write(": keepalive\n\n");
    else response.end();
  }, 20);
  request.on("close", () => clearInterval(timer));
  response.on("close", () => clearInterval(timer));
}

function json(response, id, body) {
  response
    .writeHead(200, { "Content-Type": "application/json", "X-Launch-Id": id })
    .end(JSON.stringify(body));
}

function problem(response, id, status, code, title, detail = "") {
  response.writeHead(status, { "Content-Type": "application/problem+json", "X-Launch-Id": id });
  const more = { detail, reference: "7Q4K-27D6", help_desk: "555-0142", retry_after_s: null };
  response.end(JSON.stringify({ status, code, title, ...more }));
}

function html(response, page, entry = "src/main.tsx") {
  const manifest = JSON.parse(readFileSync(join(DIST, ".vite", "manifest.json"), "utf8"));
  const data = JSON.stringify(page).replaceAll("<", "\\u003c");
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": CSP });
  response.end(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Chartside</title>
<link rel="stylesheet" href="/${manifest["src/main.tsx"].css[0]}">
<script type="application/json" id="page">${data}</script>
<script type="module" src="/${manifest[entry].file}"></script>
</head>
<body><div id="app"></div></body>
</html>`);
}

function asset(response, pathname) {
  try {
    const type = pathname.endsWith(".css") ? "text/css" : "text/javascript";
    response.writeHead(200, { "Content-Type": type }).end(readFileSync(join(DIST, pathname)));
  } catch {
    response.writeHead(404).end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port } = await start(Number(process.argv[2] ?? 8901));
  process.stdout.write(SCENES.map((scene) => `http://localhost:${port}/l/${scene}/\n`).join(""));
}
