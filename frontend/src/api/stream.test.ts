import { describe, expect, it } from "vitest";
import { readEvents, sseParser } from "./stream";

function parsed(chunks: string[]): string[] {
  const found: string[] = [];
  const feed = sseParser((data) => found.push(data));
  for (const chunk of chunks) feed(chunk);
  return found;
}

const STREAM =
  ': keepalive\n\nid: r.1\nevent: x\ndata: {"a":1}\n\ndata:two\r\ndata: lines\r\n\r\n: keepalive\r\rdata\rdata: last\r\r\n';

describe("sseParser", () => {
  it("reads the same events at every single chunk border", () => {
    const whole = parsed([STREAM]);
    expect(whole).toEqual(['{"a":1}', "two\nlines", "\nlast"]);
    for (let border = 1; border < STREAM.length; border += 1) {
      expect(parsed([STREAM.slice(0, border), STREAM.slice(border)])).toEqual(whole);
    }
    expect(parsed([...STREAM])).toEqual(whole);
  });

  it("keeps half an event to itself", () => {
    expect(parsed(["data: half\n"])).toEqual([]);
  });
});

function body(chunks: Uint8Array[], end: "close" | "hang"): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      if (end === "close") controller.close();
    },
  });
}

async function collect(stream: ReadableStream<Uint8Array>, silenceMs?: number) {
  const events = [];
  for await (const event of readEvents(stream, silenceMs)) events.push(event);
  return events;
}

describe("readEvents", () => {
  it("puts a character back together that was cut between bytes", async () => {
    const bytes = new TextEncoder().encode('data: {"type":"STEP_STARTED","stepName":"≥ 60 µmol"}\n\n');
    const cut = [...bytes].map((byte) => new Uint8Array([byte]));
    expect(await collect(body(cut, "close"))).toEqual([{ type: "STEP_STARTED", stepName: "≥ 60 µmol" }]);
  });

  it("treats a line that went dead as cut", async () => {
    await expect(collect(body([], "hang"), 5)).rejects.toThrow("silent stream");
  });

  it("refuses an event that is no JSON", async () => {
    await expect(collect(body([new TextEncoder().encode("data: {\n\n")], "close"))).rejects.toThrow();
  });
});
