// The page that IT opens in the EHR's real frame: what the frame allows, and whom to ask for what. Plain nodes, no launch.

import type { SelftestPage } from "../api/events.gen";
import { type Finding, findings, type Probes, report, STATES } from "./findings";
import { probe, tryCopying, tryDownload, tryPopup, tryPrint } from "./probes";
import "./selftest.css";

const page = JSON.parse(document.getElementById("page")?.textContent ?? "{}") as SelftestPage;
const root = document.getElementById("app");
const list = make("dl", "");
const text = make("textarea", "");
const said = make("p", "");
const buttons = make("div", "");

async function start(): Promise<void> {
  document.title = `Frame self-test · ${page.name}`;
  let probes = await probe(page.slug);
  const draw = (more: Partial<Probes>) => {
    probes = { ...probes, ...more };
    const found = findings(probes);
    list.replaceChildren(...found.map(row));
    text.value = report(page.name, navigator.userAgent, found);
  };
  addEventListener("resize", () => draw({ width: innerWidth, height: innerHeight }));
  buttons.append(
    button("Copy this report", async () => {
      const copied = await tryCopying(text);
      draw(copied);
      const worked = copied.asyncClipboard || copied.execCopy;
      // The report now says how copying went, too.
      if (worked) await tryCopying(text);
      said.textContent = worked ? "Copied." : "Copying is blocked here: select the text below.";
    }),
    button("Try a pop-up", () => draw({ popup: tryPopup() })),
    button("Try printing", () => draw({ print: tryPrint() })),
    button("Try a download", () => {
      tryDownload();
      asked();
    }),
  );
  const asked = () => {
    const answer = (download: boolean) => () => {
      draw({ download });
      said.textContent = "";
    };
    said.replaceChildren(
      "Was chartside-selftest.txt saved? ",
      button("Yes, saved", answer(true)),
      button("No", answer(false)),
    );
  };
  draw({});
  root?.replaceChildren(frameOf());
}

function frameOf(): HTMLElement {
  const main = make("main", "");
  said.setAttribute("role", "status");
  buttons.className = "row";
  text.readOnly = true;
  text.rows = 12;
  text.id = "report";
  const label = make("label", "The report as text: nothing in it is of a patient");
  label.htmlFor = text.id;
  main.append(
    make("h1", `Frame self-test · ${page.name}`),
    make(
      "p",
      "What this frame lets Chartside do, on this workstation, in this browser. No chart is open here.",
    ),
    list,
    buttons,
    said,
    label,
    text,
  );
  return main;
}

function row({ about, state, says, ask }: Finding): HTMLElement {
  const group = make("div", "");
  const told = make("dd", "");
  const tag = make("span", STATES[state]);
  tag.className = `tag ${state}`;
  told.append(tag, make("span", says));
  if (ask !== "") told.append(make("strong", ask));
  group.append(make("dt", about), told);
  return group;
}

function button(name: string, act: () => unknown): HTMLButtonElement {
  const found = make("button", name);
  found.type = "button";
  found.className = "btn";
  found.addEventListener("click", () => void act());
  return found;
}

function make<K extends keyof HTMLElementTagNameMap>(name: K, content: string): HTMLElementTagNameMap[K] {
  const found = document.createElement(name);
  if (content !== "") found.textContent = content;
  return found;
}

void start();
