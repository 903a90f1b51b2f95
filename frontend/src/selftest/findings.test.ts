import { describe, expect, it } from "vitest";
import { type Finding, findings, type Probes, report } from "./findings";

const OPEN: Probes = {
  origin: "https://copilot.example",
  framed: true,
  framedBy: "https://ehr.example",
  sessionStorage: true,
  localStorage: true,
  partitionedCookie: true,
  plainCookie: true,
  asyncClipboard: true,
  execCopy: true,
  width: 400,
  height: 860,
  messaging: true,
  popup: true,
  print: true,
  download: true,
};

function states(probes: Probes): Record<string, Finding["state"]> {
  return Object.fromEntries(findings(probes).map(({ about, state }) => [about, state]));
}

function asks(probes: Probes): readonly string[] {
  return findings(probes)
    .map(({ ask }) => ask)
    .filter((ask) => ask !== "");
}

describe("findings", () => {
  it("ask for nothing where everything works", () => {
    expect(new Set(Object.values(states(OPEN)))).toEqual(new Set(["works"]));
    expect(asks(OPEN)).toEqual([]);
  });

  it("say that a frame without allow-same-origin cannot be launched in", () => {
    const found = findings({ ...OPEN, origin: "null", sessionStorage: false, localStorage: false });
    expect(found.slice(0, 2).map(({ state }) => state)).toEqual(["blocked", "blocked"]);
    expect(found[0]?.ask).toBe('Ask who builds the EHR\'s frame to add allow-same-origin to sandbox="…".');
  });

  it("need one carrier of a launch, and name the one that is there", () => {
    const blocked = { ...OPEN, sessionStorage: false, localStorage: false, plainCookie: false };
    expect(states(blocked)).toMatchObject({ Launch: "works", Storage: "limited", Cookies: "works" });
    expect(states({ ...blocked, partitionedCookie: false })).toMatchObject({ Launch: "limited" });
  });

  it("ask for the word that is missing, for each thing that is blocked", () => {
    const shut = {
      ...OPEN,
      asyncClipboard: false,
      execCopy: false,
      popup: false,
      print: false,
      download: false,
    };
    expect(asks(shut).map((ask) => /(allow[\w-]*(="[\w-]+")?)/.exec(ask)?.[0])).toEqual([
      'allow="clipboard-write"',
      "allow-popups",
      "allow-modals",
      "allow-downloads",
    ]);
    expect(asks({ ...OPEN, width: 300 })).toEqual([
      "Ask who builds the EHR's frame to make it at least 320 pixels wide and 480 high.",
    ]);
  });

  it("stand in the report line by line", () => {
    const lines = report("Mercy", "Browser 1", findings({ ...OPEN, popup: null })).split("\n");
    expect(lines.slice(0, 3)).toEqual([
      "Chartside frame self-test, Mercy",
      "Browser: Browser 1",
      "Frame: Works. Framed by https://ehr.example.",
    ]);
    expect(lines).toContain("Pop-ups: Not tried. Press the button below to try it.");
  });
});
