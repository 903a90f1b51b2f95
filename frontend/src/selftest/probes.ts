// Try what the frame allows. What needs a person's click is tried when they click.

import type { CookiesSeen } from "../api/events.gen";
import type { Probes } from "./findings";

export async function probe(slug: string): Promise<Probes> {
  const framed = window.parent !== window;
  const cookies = await seenCookies(slug);
  return {
    origin: self.origin,
    framed,
    framedBy: framer(),
    sessionStorage: stores(() => sessionStorage),
    localStorage: stores(() => localStorage),
    partitionedCookie: cookies?.partitioned ?? null,
    plainCookie: cookies?.plain ?? null,
    asyncClipboard: null,
    execCopy: null,
    width: innerWidth,
    height: innerHeight,
    messaging: framed && sends(),
    popup: null,
    print: null,
    download: null,
  };
}

/** Copy what the box holds, by both ways that Chartside has. */
export async function tryCopying(
  box: HTMLTextAreaElement,
): Promise<Pick<Probes, "asyncClipboard" | "execCopy">> {
  let asyncClipboard = false;
  try {
    await navigator.clipboard.writeText(box.value);
    asyncClipboard = true;
  } catch {
    // Blocked by the frame, or there is no clipboard on an insecure page.
  }
  const focused = document.activeElement;
  box.select();
  const execCopy = document.execCommand("copy");
  if (focused instanceof HTMLElement) focused.focus();
  return { asyncClipboard, execCopy };
}

export function tryPopup(): boolean {
  const opened = window.open("about:blank", "_blank", "width=200,height=100");
  opened?.close();
  return opened !== null;
}

/** A frame without allow-modals ignores the call; where it is heard, the page is told before the dialogue opens. */
export function tryPrint(): boolean {
  let heard = false;
  const hear = () => {
    heard = true;
  };
  addEventListener("beforeprint", hear, { once: true });
  window.print();
  removeEventListener("beforeprint", hear);
  return heard;
}

export function tryDownload(): void {
  const address = URL.createObjectURL(new Blob(["Chartside frame self-test.\n"], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "chartside-selftest.txt";
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(address);
}

function framer(): string | null {
  const ancestors = location.ancestorOrigins as DOMStringList | undefined;
  return ancestors?.[0] ?? null;
}

function stores(storage: () => Storage): boolean {
  try {
    storage().setItem("selftest", "1");
    storage().removeItem("selftest");
    return true;
  } catch {
    return false;
  }
}

function sends(): boolean {
  try {
    // Nothing is in it, so that whoever frames this page may read it.
    window.parent.postMessage({ chartside: "selftest" }, "*");
    return true;
  } catch {
    return false;
  }
}

async function seenCookies(slug: string): Promise<CookiesSeen | null> {
  try {
    const answer = await fetch(`/selftest/${encodeURIComponent(slug)}/cookies`, { cache: "no-store" });
    return answer.ok ? ((await answer.json()) as CookiesSeen) : null;
  } catch {
    return null;
  }
}
