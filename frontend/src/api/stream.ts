// Server-sent events from a fetch stream (WHATWG HTML 9.2.6), read at any chunk border.

import type { TurnEvent } from "./agui";

/** The server writes a keep-alive comment every second: this long without a byte is a cut connection. */
const SILENCE_MS = 20_000;

/** Return a function that takes text as it arrives and calls `onData` once per complete event. */
export function sseParser(onData: (data: string) => void): (chunk: string) => void {
  let rest = "";
  let data: string[] = [];
  const line = (text: string) => {
    if (text === "") {
      if (data.length > 0) onData(data.join("\n"));
      data = [];
    } else if (text === "data") data.push("");
    else if (text.startsWith("data:")) data.push(text.slice(text[5] === " " ? 6 : 5));
    // Everything else (comments, `id:`, `event:`, `retry:`) carries nothing that a turn needs.
  };
  return (chunk) => {
    rest += chunk;
    let start = 0;
    for (const end of rest.matchAll(/\r\n|\n|\r(?!$)/g)) {
      // A CR at the very end may be the first half of CRLF: it waits for the next chunk.
      line(rest.slice(start, end.index));
      start = end.index + end[0].length;
    }
    rest = rest.slice(start);
  };
}

/** Yield the AG-UI events of a response until it ends. Throws when a line is no JSON or the line goes dead. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs = SILENCE_MS,
): AsyncGenerator<TurnEvent> {
  const ready: string[] = [];
  const feed = sseParser((data) => ready.push(data));
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), silenceMs);
      // An event not closed by a blank line is dropped, as the standard says: half an event is none.
      if (done) return;
      feed(decoder.decode(value, { stream: true }));
      for (const data of ready.splice(0)) yield JSON.parse(data) as TurnEvent;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("silent stream")), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
