// What the frame allows and what follows from it, in words for the people who build the frame. Pure: probes in, words out.

/** What was tried and what came of it. null: not tried yet, or this browser does not tell. */
export interface Probes {
  readonly origin: string;
  readonly framed: boolean;
  readonly framedBy: string | null;
  readonly sessionStorage: boolean;
  readonly localStorage: boolean;
  /** Whether a cookie came back: partitioned (`Partitioned`), and without that word. */
  readonly partitionedCookie: boolean | null;
  readonly plainCookie: boolean | null;
  readonly asyncClipboard: boolean | null;
  readonly execCopy: boolean | null;
  readonly width: number;
  readonly height: number;
  readonly messaging: boolean;
  readonly popup: boolean | null;
  readonly print: boolean | null;
  readonly download: boolean | null;
}

export interface Finding {
  readonly about: string;
  readonly state: "works" | "limited" | "blocked" | "untried";
  readonly says: string;
  /** What to change and who changes it; "" when nothing has to be. */
  readonly ask: string;
}

const FRAME = "Ask who builds the EHR's frame to ";
export const NARROWEST = 320;
export const LOWEST = 480;

export function findings(probes: Probes): readonly Finding[] {
  return [
    frame(probes),
    launch(probes),
    storage(probes),
    cookies(probes),
    copying(probes),
    size(probes),
    messaging(probes),
    popups(probes),
    printing(probes),
    downloads(probes),
  ];
}

function frame({ origin, framed, framedBy }: Probes): Finding {
  const about = "Frame";
  if (origin === "null")
    return {
      about,
      state: "blocked",
      says: "This frame takes the page's origin away. Chartside cannot start in it: it has no storage, no cookies, and its own server takes it for a stranger.",
      ask: `${FRAME}add allow-same-origin to sandbox="…".`,
    };
  if (!framed) return works(about, "This page is not framed: it is a window of its own.");
  return works(about, framedBy === null ? "Framed by another page." : `Framed by ${framedBy}.`);
}

/** A launch needs one way to find its own secret again after the EHR's sign-in; the frame's name is always one. */
function launch({ origin, sessionStorage, partitionedCookie }: Probes): Finding {
  const about = "Launch";
  if (origin === "null")
    return {
      about,
      state: "blocked",
      says: "No launch is possible here.",
      ask: "Change the frame first, see above.",
    };
  const ways = [sessionStorage && "session storage", partitionedCookie && "a partitioned cookie"].filter(
    Boolean,
  );
  if (ways.length > 0)
    return works(about, `A launch is carried, and a reload comes back, by ${ways.join(" and ")}.`);
  return {
    about,
    state: "limited",
    says: "A launch is carried by the frame's name only. After a reload Chartside has to be opened again from the chart.",
    ask: "Allow third-party cookies or site data for Chartside's address in the browser's policy.",
  };
}

function storage({ sessionStorage, localStorage }: Probes): Finding {
  const about = "Storage";
  if (sessionStorage && localStorage) return works(about, "Session storage and local storage work.");
  const which = [!sessionStorage && "session storage", !localStorage && "local storage"]
    .filter(Boolean)
    .join(" and ");
  return {
    about,
    state: "limited",
    says: `The browser blocks ${which} in this frame. Chartside works without.`,
    ask: "",
  };
}

function cookies({ partitionedCookie, plainCookie }: Probes): Finding {
  const about = "Cookies";
  if (partitionedCookie === null)
    return untried(about, "Chartside's server could not be asked for its cookies.");
  if (partitionedCookie)
    return works(
      about,
      `Partitioned cookies work${plainCookie ? ", third-party cookies too" : "; third-party cookies are blocked, which is well"}.`,
    );
  return {
    about,
    state: "limited",
    says: "The browser sends no cookie of Chartside in this frame, partitioned or not.",
    ask: "If a reload has to come back without storage: allow cookies for Chartside's address in the browser's policy.",
  };
}

function copying({ asyncClipboard, execCopy }: Probes): Finding {
  const about = "Copying";
  if (asyncClipboard === null && execCopy === null)
    return untried(about, "Press “Copy this report”: it tries both ways of copying.");
  if (asyncClipboard) return works(about, "The Clipboard API works.");
  if (execCopy)
    return {
      about,
      state: "limited",
      says: "This frame blocks the Clipboard API. Chartside copies by the older way, which works here.",
      ask: `${FRAME}add allow="clipboard-write".`,
    };
  return {
    about,
    state: "blocked",
    says: "This frame blocks copying. Chartside shows text to be selected instead.",
    ask: `${FRAME}add allow="clipboard-write".`,
  };
}

function size({ width, height }: Probes): Finding {
  const about = "Size";
  const says = `${width} × ${height} pixels.`;
  if (width >= NARROWEST && height >= LOWEST) return works(about, says);
  return {
    about,
    state: "limited",
    says,
    ask: `${FRAME}make it at least ${NARROWEST} pixels wide and ${LOWEST} high.`,
  };
}

function messaging({ origin, framed, messaging: sent }: Probes): Finding {
  const about = "Messages to the EHR";
  if (!framed) return untried(about, "Not framed: there is no EHR's page to write to.");
  if (sent && origin !== "null")
    return works(about, `Messages can be sent; the EHR sees them come from ${origin}.`);
  return {
    about,
    state: "blocked",
    says: sent
      ? "Messages come from origin “null”: the EHR cannot tell that they are Chartside's."
      : "No message can be sent to the EHR's page.",
    ask: `${FRAME}add allow-same-origin to sandbox="…".`,
  };
}

function popups({ popup }: Probes): Finding {
  return tried("Pop-ups", popup, {
    works: "A window can be opened.",
    blocked: "This frame blocks windows. Links to other pages do nothing.",
    ask: `${FRAME}add allow-popups allow-popups-to-escape-sandbox to sandbox="…".`,
  });
}

function printing({ print }: Probes): Finding {
  return tried("Printing", print, {
    works: "The print dialogue opens.",
    blocked: "This frame blocks the print dialogue.",
    ask: `${FRAME}add allow-modals to sandbox="…".`,
  });
}

/** No browser tells a page whether its download was let through: the person says what they saw. */
function downloads({ download }: Probes): Finding {
  return tried("Downloads", download, {
    works: "A file was saved.",
    blocked: "No file was saved.",
    ask: `${FRAME}add allow-downloads to sandbox="…".`,
  });
}

function tried(
  about: string,
  outcome: boolean | null,
  words: { works: string; blocked: string; ask: string },
): Finding {
  if (outcome === null) return untried(about, "Press the button below to try it.");
  if (outcome) return works(about, words.works);
  return { about, state: "limited", says: words.blocked, ask: words.ask };
}

function works(about: string, says: string): Finding {
  return { about, state: "works", says, ask: "" };
}

function untried(about: string, says: string): Finding {
  return { about, state: "untried", says, ask: "" };
}

export const STATES: Readonly<Record<Finding["state"], string>> = {
  works: "Works",
  limited: "Limited",
  blocked: "Blocked",
  untried: "Not tried",
};

/** The findings as text to paste into a ticket. Nothing in it is of a patient: this page belongs to no launch. */
export function report(site: string, agent: string, found: readonly Finding[]): string {
  const rows = found.map(
    ({ about, state, says, ask }) => `${about}: ${STATES[state]}. ${says}${ask === "" ? "" : ` ${ask}`}`,
  );
  return [`Chartside frame self-test, ${site}`, `Browser: ${agent}`, ...rows].join("\n");
}
