// The design pages' content as the wire carries it: invented patient, staff and places.

const text = (words, style = "plain") => ({ kind: "text", text: words, style });
const date = (words) => ({ kind: "date", text: words });
const cite = (n, label) => ({ kind: "cite", n, label, text: "", search: false });
const search = (n, words, label) => ({ kind: "cite", n, label, text: words, search: true });
const value = (number, unit = "", flag = "", range = "") => ({
  kind: "value",
  text: number,
  unit,
  flag,
  direction: { H: "high", HH: "high", L: "low", A: "abnormal" }[flag] ?? null,
  critical: flag.length === 2,
  range,
});
const row = (pieces, meta = [], tone = "plain") => ({ pieces, meta, tone });

const KNOWN = {
  state: "known",
  title: "Known allergies",
  text: "penicillin – anaphylaxis; sulfonamides – rash",
  short: ["2 known", "allergies"],
};
export const banner = {
  family: "EVERGREEN",
  given: "Marlena",
  title: "Ms",
  born: "14-Mar-1958",
  age: "68y",
  sex: "Female",
  mrn: "00471182",
  died: "",
  weight: "",
  weight_date: "",
  encounter: [text("Office visit"), date("20-Nov-2026"), text(", Harbor Clinic")],
  allergies: KNOWN,
  notice: "",
  notice_tone: "",
};

export const banners = {
  known: banner,
  none: {
    ...banner,
    family: "HOLLOWAY",
    given: "Desmond",
    title: "Mr",
    born: "02-Feb-1951",
    age: "75y",
    sex: "Male",
    encounter: [text("Admitted"), date("18-Nov-2026"), text(", day 3 ·"), text("7 West, bed 12", "strong")],
    allergies: {
      state: "none",
      title: "No known allergies",
      text: "recorded 18-Nov-2026",
      short: ["No known", "allergies"],
    },
  },
  unasked: {
    ...banner,
    family: "OKAFOR",
    given: "Junia",
    title: "",
    born: "08-Aug-2026",
    age: "14w 6d",
    weight: "5.9 kg",
    weight_date: "13-Nov-2026",
    allergies: {
      state: "unasked",
      title: "Allergies not recorded",
      text: "ask, and record it in the EHR",
      short: ["Allergies", "not recorded"],
    },
  },
  unread: {
    ...banner,
    family: "SANTOS",
    given: "Rafael",
    title: "",
    born: "02-May-2011",
    age: "15y 6m",
    sex: "Male",
    weight: "61 kg",
    weight_date: "20-Nov-2026",
    allergies: {
      state: "unread",
      title: "Allergies could not be read",
      text: "see the EHR",
      short: ["Allergies", "not readable"],
    },
    notice: "Age 12 to 17: confidentiality rules apply",
    notice_tone: "rules",
  },
  deceased: {
    ...banner,
    family: "WHITCOMBE",
    given: "Arthur",
    title: "Mr",
    born: "14-Mar-1940",
    age: "86y",
    sex: "Male",
    died: "11-Oct-2026",
    encounter: [text("No open encounter")],
    notice: "Died 11-Oct-2026. Care-gap and visit suggestions are off.",
    notice_tone: "deceased",
  },
  inactive: {
    ...banner,
    family: "TESTPATIENT",
    given: "Zeno",
    title: "",
    born: "01-Jan-1980",
    age: "46y",
    sex: "Male",
    notice:
      "This record is marked as not in use. Check that it is the right one. Test patient: not a real person.",
    notice_tone: "rules",
  },
  long: {
    ...banner,
    family: "VAN DER WESTHUIZEN-OKONKWO",
    given: "Maria Guadalupe",
    title: "Dr",
    born: "29-Feb-1944",
    age: "82y",
  },
};

export const card = {
  banner,
  encounter: row(
    [
      text("Office visit"),
      date("20-Nov-2026 08:30"),
      text("· Harbor Clinic"),
      cite(1, "encounter, office visit 20-Nov-2026"),
    ],
    [
      [
        text("Reason", "muted"),
        text("diabetes and blood pressure follow-up; tired for"),
        text("2 weeks", "nowrap"),
      ],
    ],
  ),
  sections: [
    {
      id: "since",
      title: [text("Since your last visit,"), date("18-Sep-2026"), text("(63 days)")],
      column: "main",
      rows: [
        row(
          [
            text("Potassium", "strong"),
            value("5.6", "mmol/L", "H", "3.5–5.1"),
            cite(2, "potassium, 19-Nov-2026"),
          ],
          [
            [
              date("19-Nov-2026"),
              text("final · before: 5.0 on"),
              date("14-Oct-2026"),
              text(", 4.6 on"),
              date("11-Jun-2026"),
            ],
          ],
          "alarm",
        ),
        row(
          [
            text("eGFR", "strong"),
            value("52", "", "L"),
            text("→"),
            value("34", "mL/min/1.73 m²", "L", "≥ 60"),
            cite(3, "eGFR, 5 results"),
          ],
          [
            [
              date("11-Jun-2026"),
              text("to"),
              date("19-Nov-2026"),
              text(", final · creatinine"),
              value("1.15", "", "H"),
              text("to"),
              value("1.64", "mg/dL", "H"),
              cite(4, "creatinine, 5 results"),
            ],
          ],
        ),
        row(
          [
            text("New order from outside:", "strong"),
            text("ibuprofen", "drug"),
            text("600 mg", "nowrap"),
            text("three times a day"),
            cite(5, "medication request, ibuprofen"),
          ],
          [
            [
              text("Ordered"),
              date("02-Oct-2026"),
              text(", Bayside Urgent Care ·"),
              text("30-day", "nowrap"),
              text("supply ended"),
              date("01-Nov-2026"),
              text("unless refilled"),
              text("(2 refills)", "nowrap"),
            ],
          ],
        ),
        row(
          [
            text("Ordered at that visit:", "strong"),
            text("spironolactone", "drug"),
            text("25 mg", "nowrap"),
            text("once daily"),
            cite(6, "medication request, spironolactone"),
          ],
          [[date("18-Sep-2026"), text(", A. Osei, MD")]],
        ),
        row(
          [text("2 new notes", "strong")],
          [
            [
              text("Telephone"),
              date("14-Nov-2026"),
              text(", T. Alvarez, RN"),
              cite(7, "telephone note, 14-Nov-2026"),
            ],
            [
              text("Pre-visit"),
              date("19-Nov-2026"),
              text(", K. Brandt, PA; part copied from"),
              date("14-Nov-2026"),
              cite(8, "pre-visit note, 19-Nov-2026"),
            ],
          ],
        ),
      ],
    },
    {
      id: "allergies",
      title: [text("Allergies")],
      column: "side",
      rows: [
        row([
          text("penicillin", "drug"),
          text("– anaphylaxis"),
          cite(9, "allergy, penicillin"),
          text(";"),
          text("sulfonamides", "drug"),
          text("– rash"),
          cite(10, "allergy, sulfonamides"),
        ]),
      ],
    },
    {
      id: "pending",
      title: [text("Pending")],
      column: "side",
      rows: [
        row(
          [text("Complete blood count"), cite(11, "diagnostic report, complete blood count, registered")],
          [[text("Collected"), date("19-Nov-2026 09:10"), text("· registered, no result yet")]],
        ),
        row(
          [
            text("Urine albumin/creatinine ratio"),
            cite(12, "service request, urine albumin/creatinine ratio"),
          ],
          [
            [
              text("Ordered"),
              date("18-Sep-2026"),
              text("· no result"),
              search(
                13,
                "412 searched",
                "412 searched: laboratory results, 03-Mar-2019 to 20-Nov-2026, complete",
              ),
            ],
          ],
        ),
      ],
    },
    {
      id: "unread",
      title: [text("Could not be read")],
      column: "side",
      rows: [
        row([text("Medication fills: the EHR does not give them to this app")], [], "warn"),
        row([text("12 scanned documents (newest"), date("02-Nov-2026"), text(")")], [], "warn"),
      ],
    },
  ],
  read_at: "20-Nov-2026 08:42",
  requests: 14,
  suggestions: ["Why did eGFR fall?", "Pre-visit summary", "All potassium results"],
  restricted: null,
};
/** The card of each banner: the same patient, the same allergies, the same encounter. */
export const cards = Object.fromEntries(Object.entries(banners).map(([id, of]) => [id, cardOf(of)]));

function cardOf(of) {
  if (of.family === banner.family) return { ...card, banner: of };
  const { state, title, text: words } = of.allergies;
  const said = {
    known: [text("penicillin", "drug"), text("– anaphylaxis"), cite(9, "allergy, penicillin")],
    none: [text(`${title}, ${words}`), cite(9, "allergy, none known")],
    unasked: [text(`${title}: ${words}`), search(9, "0 searched", "0 searched: allergies, complete")],
    unread: [text(`${title}: ${words}`)],
  }[state];
  const open = of.encounter[0].text !== "No open encounter";
  return {
    ...card,
    banner: of,
    encounter: open ? row([...of.encounter, cite(1, "encounter")]) : null,
    sections: [
      {
        id: "since",
        title: [text("Last 90 days")],
        column: "main",
        rows: [
          row([
            text("No new results, orders, problems or notes found."),
            search(2, "38 searched", "38 searched: laboratory results, last 90 days, complete"),
          ]),
        ],
      },
      {
        id: "allergies",
        title: [text("Allergies")],
        column: "side",
        rows: [row(said, [], state === "unasked" || state === "unread" ? "warn" : "plain")],
      },
    ],
    suggestions: of.died === "" ? ["Last labs", "Active medicines"] : ["Last labs"],
  };
}

export const restricted = {
  held: "1 encounter and all that belongs to it. What it holds is not known here.",
  readable: "Laboratory results, orders, allergies, 23 notes",
};

/** What is held back in part is counted in rows: by its label, and by kind. */
export const labelled = {
  ...card,
  sections: [
    ...card.sections.filter(({ id }) => id !== "unread"),
    {
      id: "unread",
      title: [text("Could not be read")],
      column: "side",
      rows: [
        row([text("Notes: 3 labelled restricted by the EHR, not shown here")], [], "warn"),
        row(
          [text("Laboratory results: the EHR does not return some kinds of results to this app")],
          [],
          "warn",
        ),
      ],
    },
  ],
};

const cell = (n, number, name, when, flag = "") => ({
  text: number,
  n,
  label: `${name}, ${when}`,
  flag,
  direction: { H: "high", L: "low" }[flag] ?? null,
  critical: false,
  status: "",
  number: Number(number),
});
const edge = (number) => ({ number: Number(number), text: number });
const LABS = [
  ["19-Nov-2026", "5.6", "H", "1.64", "H", "34", "L"],
  ["14-Oct-2026", "5.0", "", "1.34", "H", "43", "L"],
  ["11-Jun-2026", "4.6", "", "1.15", "H", "52", "L"],
  ["18-Mar-2026", "4.5", "", "1.11", "H", "54", "L"],
  ["03-Dec-2025", "4.4", "", "1.10", "", "55", "L"],
];
const ISO = {
  "19-Nov-2026": "2026-11-19T09:10",
  "14-Oct-2026": "2026-10-14T08:55",
  "11-Jun-2026": "2026-06-11T09:20",
  "18-Mar-2026": "2026-03-18T09:00",
  "03-Dec-2025": "2025-12-03T10:05",
};
const BARS = [
  {
    label: "spironolactone 25 mg once daily",
    n: 50,
    cite_label: "medication request, spironolactone",
    ordered: "18-Sep-2026",
    starts: "2026-09-18",
    ends: "2026-12-17",
    days: "90",
    refill: true,
  },
  {
    label: "ibuprofen 600 mg three times a day",
    n: 51,
    cite_label: "medication request, ibuprofen",
    ordered: "02-Oct-2026",
    starts: "2026-10-02",
    ends: "2026-11-01",
    days: "30",
    refill: true,
  },
];
export const kidneyTable = {
  kind: "results",
  caption: "Kidney results, newest first",
  date_role: "Collected",
  series: [
    {
      label: "Potassium",
      unit: "mmol/L",
      range: "3.5–5.1",
      n: 20,
      cite_label: "potassium, 5 results",
      low: edge("3.5"),
      high: edge("5.1"),
      plotted: true,
    },
    {
      label: "Creatinine",
      unit: "mg/dL",
      range: "0.50–1.10",
      n: 21,
      cite_label: "creatinine, 5 results",
      low: edge("0.50"),
      high: edge("1.10"),
      plotted: true,
    },
    {
      label: "eGFR",
      unit: "mL/min/1.73 m²",
      range: "≥ 60",
      n: 22,
      cite_label: "eGFR, 5 results",
      low: edge("60"),
      high: null,
      plotted: true,
    },
  ],
  lines: LABS.map(([when, k, kf, cr, crf, gfr, gfrf], index) => ({
    date: when,
    at: ISO[when],
    cells: [
      cell(30 + index * 3, k, "potassium", when, kf),
      cell(31 + index * 3, cr, "creatinine", when, crf),
      cell(32 + index * 3, gfr, "eGFR", when, gfrf),
    ],
  })),
  note: "All 15 results final. Flags as sent by the laboratory.",
  trend: { title: "Kidney results", until: "2026-11-20T08:42", bars: [] },
};
/** The table as an answer draws it: the falling value first, the orders that came before it beneath. */
export const kidneyTrend = {
  ...kidneyTable,
  series: [...kidneyTable.series].reverse(),
  lines: kidneyTable.lines.map((line) => ({ ...line, cells: [...line.cells].reverse() })),
  trend: { ...kidneyTable.trend, bars: BARS },
};

/** As the server counts them from this chart. */
export const apixabanCriteria = {
  kind: "criteria",
  title: [
    text("apixaban", "drug"),
    text("5 mg", "nowrap"),
    text("twice a day"),
    cite(52, "medication request, apixaban"),
  ],
  reason: [text("For"), text("atrial fibrillation"), cite(60, "problem, atrial fibrillation")],
  rule: "Label, for nonvalvular atrial fibrillation: 2.5 mg twice a day if 2 of 3 are met.",
  criteria: [
    { name: "age", pieces: [text("Age 80 or more:"), text("68")], meets: "no", age: "" },
    {
      name: "creatinine",
      pieces: [
        text("Creatinine 1.5 mg/dL or more:"),
        value("1.64", "mg/dL", "H"),
        date("19-Nov-2026"),
        cite(31, "creatinine, 19-Nov-2026"),
      ],
      meets: "yes",
      age: "",
    },
    {
      name: "weight",
      pieces: [
        text("Weight 60 kg or less:"),
        value("71", "kg"),
        date("09-May-2023"),
        cite(61, "body weight, 09-May-2023"),
      ],
      meets: "no",
      age: "3 years 6 months old",
    },
  ],
  sum: "1 of 3 on these inputs; a new weight could change it.",
};

const order = (n, drug, dose, rest, line) =>
  row(
    [text(drug, "drug"), text(dose, "nowrap"), text(rest), cite(n, `medication request, ${drug}`)],
    [[text(line)]],
  );
const orders = {
  kind: "rows",
  by: "chart",
  title: "Active orders, 4 of 9 shown",
  rows: [
    order(
      50,
      "spironolactone",
      "25 mg",
      "once daily",
      "Ordered 18-Sep-2026, A. Osei, MD · supply to 17-Dec-2026",
    ),
    order(
      51,
      "ibuprofen",
      "600 mg",
      "three times a day",
      "Ordered 02-Oct-2026, P. Lindqvist, NP (outside) · 30-day supply ended 01-Nov-2026 unless refilled (2 refills)",
    ),
    order(
      52,
      "apixaban",
      "5 mg",
      "twice a day",
      "Ordered 07-Sep-2026, R. Mensah, MD · supply to 06-Dec-2026",
    ),
    order(
      53,
      "metformin",
      "1,000 mg",
      "twice a day",
      "Ordered 07-Sep-2026, A. Osei, MD · supply to 06-Dec-2026",
    ),
  ],
  more: ["lisinopril", "atorvastatin", "amlodipine", "levothyroxine", "cholecalciferol"].map((drug, index) =>
    order(54 + index, drug, "10 mg", "once daily", "Ordered 07-Sep-2026, A. Osei, MD"),
  ),
};

const custom = (name, payload) => ({
  type: "CUSTOM",
  name: `chartside.${name}`,
  value: { message_id: "m", ...payload },
});
const step = (name) => [
  { type: "STEP_STARTED", stepName: name },
  { type: "STEP_FINISHED", stepName: name },
];
const said = (delta) => ({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta });
const chip = (n) => `\ue000${n}\ue001`;
const cited = (sentence, n, label, verdict = "match", more = {}) =>
  custom("citation", {
    sentence,
    n,
    label,
    summary: "",
    search: false,
    verdict,
    claim: "",
    fields: [],
    differences: [],
    ...more,
  });
const answered = (more) =>
  custom("answered", {
    model: "",
    data_handling: "",
    why_no_model: "",
    provenance: "Chart read 20-Nov-2026 08:42.",
    suggestions: [],
    stopped: false,
    sources: 0,
    gaps: 0,
    mismatches: 0,
    without_source: 0,
    ...more,
  });
const run = (events) => [
  { type: "RUN_STARTED", threadId: "t", runId: "r" },
  ...events,
  { type: "RUN_FINISHED", threadId: "t", runId: "r" },
];
const LABEL = {
  model: "Claude Sonnet 4.5 (20250929)",
  data_handling: "BAA · US · not retained",
  provenance: "Chart read 20-Nov-2026 08:42. Rows marked “General knowledge” do not come from this chart.",
};
const failed = (more) =>
  custom("failed", {
    code: "model.overloaded",
    text: "The language model is overloaded.",
    lost: "The end of the answer is missing. Your question and what came are kept.",
    ways: ["retry", "other_model", "no_model"],
    retry_after_s: null,
    ...more,
  });
const ended = (message) => ({ type: "RUN_ERROR", message, code: "model.overloaded" });
const general = (sentence, claim, kind = "general_knowledge") =>
  custom("no_source", { sentence, claim, kind });
const line = (label, read, total, state = "complete", detail = "") => ({ label, read, total, state, detail });
const FILLS = text("Medication fills: whether these orders were filled is unknown.");
const SCANS = [text("12 scanned documents (newest"), date("02-Nov-2026"), text(").")];

const NONE_LISTED = "This site has set up no language model here.";

export const turns = {
  "no-model": {
    question:
      "Why has her kidney function dropped since the summer, and which of her medicines does it affect?",
    events: run([
      { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
      custom("looked_at", {
        records_read: 61,
        records_total: 1204,
        span: "2019 to today",
        lines: [
          line("Laboratory results", 15, 412),
          line("Orders", 9, 9),
          line("Notes, last 12 months", 23, 23),
          line("Medication fills", 0, null, "denied", "the EHR refused (403)"),
        ],
      }),
      said(
        "*Matched words: “kidney function” = eGFR, creatinine, potassium; “medicines” = active orders. Nothing is explained or compared.*\n\n",
      ),
      custom("block", { block: kidneyTable }),
      custom("block", { block: orders }),
      custom("not_seen", {
        not_readable: [
          { pieces: [FILLS], touches: true },
          { pieces: SCANS, touches: true },
        ],
        not_searched: [{ pieces: [text("Imaging reports; other hospitals’ records.")], touches: false }],
        none_found: [
          {
            pieces: [
              text("Urine albumin"),
              search(
                13,
                "412 searched",
                "412 searched: laboratory results, 03-Mar-2019 to 20-Nov-2026, complete",
              ),
            ],
            touches: false,
          },
        ],
      }),
      answered({
        why_no_model: NONE_LISTED,
        sources: 7,
        gaps: 2,
        suggestions: ["All weights", "Last 3 notes"],
      }),
    ]),
  },
  negative: {
    question: "Any urine albumin?",
    events: run([
      { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
      custom("block", {
        block: {
          kind: "negative",
          state: "none_found",
          title: "Urine albumin: none found.",
          pieces: [
            text("Searched 412 laboratory results,"),
            date("03-Mar-2019"),
            text("to"),
            date("20-Nov-2026"),
            text(", all that the EHR shows you."),
            search(13, "See the search", "See the search: 412 laboratory results, 4 of 4 pages, complete"),
            text("One order has no result: urine albumin/creatinine ratio, ordered"),
            date("18-Sep-2026"),
            cite(12, "service request, urine albumin/creatinine ratio"),
            text("."),
          ],
        },
      }),
      answered({ why_no_model: NONE_LISTED, sources: 1 }),
    ]),
  },
  unread: {
    question: "What did cardiology recommend?",
    events: run([
      { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
      custom("block", {
        block: {
          kind: "negative",
          state: "unread",
          title: "Notes could not be read.",
          pieces: [
            text("The EHR refused (403). This is not “none”: notes may exist."),
            text(
              "Missing permission: clinical notes (DocumentReference, Binary). Open Notes in the EHR, or ask the help desk, 555-0142.",
            ),
          ],
        },
      }),
      cited(0, 52, "medication request, apixaban"),
      said(
        `Read without notes: one cardiology order, **apixaban** 5 mg twice a day, ordered 07-Sep-2026 by R. Mensah, MD${chip(52)}.`,
      ),
      answered({ ...LABEL, sources: 1, gaps: 1 }),
    ]),
  },
  mismatch: {
    question: "What does she take for her back pain?",
    events: run([
      { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
      custom("looked_at", {
        records_read: 32,
        records_total: 1204,
        span: "last 12 months",
        lines: [line("Orders", 9, 9), line("Notes, last 12 months", 23, 23)],
      }),
      cited(0, 51, "medication request, ibuprofen", "pending"),
      said("The chart has an active order for **ibuprofen** 800 mg three times a day, ordered 02-Oct-2026"),
      said(`${chip(51)}.\n\n`),
      cited(1, 8, "pre-visit note, 19-Nov-2026", "pending"),
      said(`On 14-Nov-2026 she reported taking it “3 times a day most days”${chip(8)}.\n\n`),
      said("Physical therapy was tried first."),
      cited(0, 51, "medication request, ibuprofen", "mismatch", {
        summary: "ordered 02-Oct-2026 · active order · P. Lindqvist, NP (outside)",
        claim: "The chart has an active order for ibuprofen 800 mg three times a day, ordered 02-Oct-2026.",
        fields: ["frequency", "ordered date"],
        differences: [{ field: "dose", says: "800 mg", record: "600 mg" }],
      }),
      cited(1, 8, "pre-visit note, 19-Nov-2026", "match", {
        summary: "first written 14-Nov-2026 · T. Alvarez, RN",
        claim: "On 14-Nov-2026 she reported taking it “3 times a day most days”.",
        fields: ["words", "date", "author"],
      }),
      general(2, "Physical therapy was tried first.", "no_source"),
      custom("not_seen", {
        not_readable: [
          {
            pieces: [text("Medication fills; 12 scanned documents (newest"), date("02-Nov-2026"), text(").")],
            touches: true,
          },
        ],
        not_searched: [],
        none_found: [],
      }),
      answered({ ...LABEL, sources: 2, gaps: 1, mismatches: 1, without_source: 1 }),
    ]),
  },
  streaming: {
    question:
      "Why has her kidney function dropped since the summer, and which of her medicines does it affect?",
    events: [
      { type: "RUN_STARTED", threadId: "t", runId: "r" },
      ...step("Laboratory results"),
      ...step("Orders"),
      ...step("Notes, last 12 months"),
      ...step("Medication fills"),
      custom("looked_at", {
        records_read: 61,
        records_total: 1204,
        span: "2019 to today",
        lines: [
          line("Laboratory results", 15, 412),
          line("Orders", 9, 9),
          line("Notes, last 12 months", 23, 23),
          line("Medication fills", 0, null, "denied", "the EHR does not give them to this app"),
        ],
      }),
      { type: "STEP_STARTED", stepName: "Writing the answer" },
      { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
      cited(0, 20, "potassium, 5 results"),
      said(`**Potassium** 5.6 mmol/L H (3.5–5.1) on 19-Nov-2026${chip(20)}, with active orders for `),
      cited(0, 50, "medication request, spironolactone"),
      cited(0, 51, "medication request, ibuprofen"),
      said(`**spironolactone**${chip(50)} and **ibuprofen**${chip(51)}.\n\n`),
      cited(1, 22, "eGFR, 5 results", "pending"),
      said(
        `eGFR went from 52 (L) on 11-Jun-2026 to 34 mL/min/1.73 m² L on 19-Nov-2026${chip(22)}. Two orders come before the fall:`,
      ),
    ],
  },
};
const KIDNEY_QUESTION =
  "Why has her kidney function dropped since the summer, and which of her medicines does it affect?";
const ORDERED = "Two orders come before the fall: **spironolactone** 25 mg once daily, ordered 18-Sep-2026";
const TOLD =
  "On 14-Nov-2026 she told T. Alvarez, RN, that she takes ibuprofen “3 times a day most days” and is “eating and drinking less”";
const RISK = "Ibuprofen with apixaban raises the risk of bleeding (General knowledge).";
const LABEL_WORDS = [
  "Label: lower the dose or stop if potassium is high (General knowledge).",
  "Can lower kidney function, and add to bleeding with apixaban (General knowledge).",
  "Label: below 45 weigh benefit and risk; do not use below 30 (General knowledge).",
];
const FIRST = "with active orders for";
const matched = (sentence, n, label, claim, fields, summary) =>
  cited(sentence, n, label, "match", { claim, fields, summary });
turns.answer = {
  question: KIDNEY_QUESTION,
  events: run([
    { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
    custom("looked_at", {
      records_read: 61,
      records_total: 1204,
      span: "2019 to today",
      lines: [
        line("Laboratory results", 15, 412),
        line("Orders", 9, 9),
        line("Notes, last 12 months", 23, 23),
        line("Medication fills", 0, null, "denied", "the EHR does not give them to this app"),
      ],
    }),
    matched(0, 20, "potassium, 5 results", "", ["value", "date"], "19-Nov-2026 · final · Mercy Laboratory"),
    said(`**Potassium** 5.6 mmol/L H (3.5–5.1) on 19-Nov-2026${chip(20)}, ${FIRST} `),
    matched(
      0,
      50,
      "medication request, spironolactone",
      "",
      ["status"],
      "ordered 18-Sep-2026 · active order · A. Osei, MD",
    ),
    matched(
      0,
      51,
      "medication request, ibuprofen",
      "",
      ["status"],
      "ordered 02-Oct-2026 · active order · P. Lindqvist, NP (outside)",
    ),
    said(`**spironolactone**${chip(50)} and **ibuprofen**${chip(51)}.\n\n`),
    matched(1, 22, "eGFR, 5 results", "", ["value", "date"], "19-Nov-2026 · final · Mercy Laboratory"),
    said(`eGFR went from 52 (L) on 11-Jun-2026 to 34 mL/min/1.73 m² L on 19-Nov-2026${chip(22)}. `),
    matched(2, 50, "medication request, spironolactone", "", ["dose", "frequency", "ordered date"], ""),
    matched(
      2,
      51,
      "medication request, ibuprofen",
      "ibuprofen 600 mg three times a day, ordered 02-Oct-2026 at Bayside Urgent Care",
      ["drug", "dose", "frequency", "ordered date", "site"],
      "",
    ),
    said(
      `${ORDERED}${chip(50)}, and **ibuprofen** 600 mg three times a day, ordered 02-Oct-2026 at Bayside Urgent Care${chip(51)}.\n\n`,
    ),
    matched(
      3,
      8,
      "telephone note, 14-Nov-2026",
      `${TOLD}.`,
      ["words", "date", "author"],
      "first written 14-Nov-2026 · T. Alvarez, RN",
    ),
    said(`${TOLD}${chip(8)}.\n\n`),
    said("**Ibuprofen** with **apixaban** raises the risk of bleeding (General knowledge).\n\n"),
    general(4, RISK),
    said("*The order of events does not prove a cause.*\n\n"),
    custom("block", { block: kidneyTrend }),
    matched(5, 52, "medication request, apixaban", "", ["dose"], ""),
    matched(5, 53, "medication request, metformin", "", ["dose"], ""),
    said(
      [
        "**Active orders to look at with eGFR 34 and potassium 5.6**\n",
        "| Medicine | In the chart | Why it matters |",
        "| --- | --- | --- |",
        `| spironolactone | 25 mg once daily${chip(50)}. Active order 18-Sep-2026; supply to 17-Dec-2026 | Potassium 5.6 H. ${LABEL_WORDS[0]} |`,
        `| ibuprofen | 600 mg three times a day${chip(51)}. Active order 02-Oct-2026, outside; 30-day supply ended 01-Nov-2026 unless refilled (2 refills) | ${LABEL_WORDS[1]} |`,
        `| metformin | 1,000 mg twice a day${chip(53)}. Active order 07-Sep-2026; supply to 06-Dec-2026 | ${LABEL_WORDS[2]} |`,
      ].join("\n"),
    ),
    custom("block", { block: apixabanCriteria }),
    ...LABEL_WORDS.map((claim, index) => general(6 + index, claim)),
    custom("not_seen", {
      not_readable: [
        { pieces: [FILLS], touches: true },
        { pieces: SCANS, touches: true },
      ],
      not_searched: [{ pieces: [text("Imaging reports; other hospitals’ records.")], touches: false }],
      none_found: [
        {
          pieces: [
            text("Urine albumin"),
            search(
              13,
              "412 searched",
              "412 searched: laboratory results, 03-Mar-2019 to 20-Nov-2026, complete",
            ),
          ],
          touches: false,
        },
      ],
    }),
    answered({ ...LABEL, sources: 8, gaps: 2, suggestions: ["All weights", "Last 3 notes"] }),
  ]),
};
turns.uncited = {
  question: "What else matters here?",
  events: run([
    { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
    said("Physical therapy was tried first. "),
    said("NSAIDs can lower kidney function (General knowledge). "),
    said("She seems to follow the plan."),
    general(0, "Physical therapy was tried first.", "no_source"),
    general(1, "NSAIDs can lower kidney function (General knowledge)."),
    general(2, "She seems to follow the plan.", "unchecked"),
    answered({ ...LABEL, without_source: 1 }),
  ]),
};
turns.failed = {
  question: KIDNEY_QUESTION,
  events: [
    ...turns.streaming.events,
    failed({ retry_after_s: 20 }),
    ended("The language model is overloaded."),
  ],
};
turns["failed-whole"] = {
  question: KIDNEY_QUESTION,
  events: [
    { type: "RUN_STARTED", threadId: "t", runId: "r" },
    failed({
      code: "model.refused",
      text: "The language model declined to answer.",
      lost: "Nothing of an answer came. Your question is kept.",
      ways: ["other_model", "no_model"],
    }),
    ended("The language model declined to answer."),
  ],
};
turns.cut = { ...turns.mismatch, events: turns.mismatch.events.slice(0, 6) };
turns.stopped = {
  ...turns.mismatch,
  events: [
    ...turns.mismatch.events.slice(0, 6),
    answered({ ...LABEL, stopped: true }),
    { type: "RUN_FINISHED", threadId: "t", runId: "r", outcome: { type: "cancelled" } },
  ],
};

const fact = (label, pieces, field = "") => ({ label, pieces, field });
const none = {
  heading_fields: [],
  summary: "",
  facts: [],
  as_sent: "",
  note: [],
  results: null,
  fhir_json: "",
};

export function source(n) {
  if (n === 51 || n === 5) {
    return {
      ...none,
      n,
      kind_label: "Medication request, outside record",
      heading: [
        text("ibuprofen", "drug"),
        text("– tablet –"),
        text("600 mg", "nowrap"),
        text("– oral –"),
        text("three times a day"),
      ],
      heading_fields: ["drug", "", "dose", "", "frequency"],
      reference: "MedicationRequest/ibuprofen-1",
      facts: [
        fact("Status", [text("Active order (as sent)")], "status"),
        fact("Ordered", [date("02-Oct-2026 17:20")], "date"),
        fact("By", [text("P. Lindqvist, NP")], "author"),
        fact("Place", [text("Bayside Urgent Care")], "site"),
        fact("Supply", [text("90 tablets, 30 days: ended 01-Nov-2026 unless refilled (2 refills)")]),
        fact("Fills", [text("Not readable here")]),
        fact("Taken", [text("This order does not say.")]),
        fact("Reason", [text("Low back pain")]),
        fact("Last changed", [date("02-Oct-2026 17:21")]),
      ],
      as_sent:
        "Ibuprofen 600 mg tablet. Take 1 tablet by mouth 3 times a day with food. Dispense 90, refills 2.",
      fhir_json: JSON.stringify({ resourceType: "MedicationRequest", id: "ibuprofen-1" }, null, 2),
    };
  }
  if (n === 8 || n === 7) {
    const copied = { copied_from: "14-Nov-2026 by T. Alvarez, RN", copied_n: 7 };
    return {
      ...none,
      n,
      kind_label: "",
      heading: [
        text("Pre-visit note", "strong"),
        text(", signed"),
        date("19-Nov-2026"),
        text(", K. Brandt, PA"),
      ],
      reference: "DocumentReference/previsit",
      note: [
        {
          ...copied,
          segments: [
            { text: "Patient called about tiredness. Reports ibuprofen ", mark: false },
            { text: "3 times a day most days", mark: true },
            { text: " for back pain since early October. Nausea this week, ", mark: false },
            { text: "eating and drinking less", mark: true },
            { text: ". No black stools.", mark: false },
          ],
        },
        {
          copied_from: "",
          copied_n: null,
          segments: [
            {
              text: "New today: laboratory called potassium 5.6; Dr. Osei told by message at 15:32. Visit tomorrow.",
              mark: false,
            },
          ],
        },
      ],
    };
  }
  if (n >= 20 && n <= 22) {
    return {
      ...none,
      n,
      kind_label: "Laboratory results",
      heading: [text(kidneyTable.series[n - 20].label, "strong"), text(", 5 results")],
      reference: "",
      results: {
        ...kidneyTable,
        caption: "Results, newest first",
        series: [kidneyTable.series[n - 20]],
        lines: kidneyTable.lines.map((line) => ({ ...line, cells: [line.cells[n - 20]] })),
      },
    };
  }
  return {
    ...none,
    n,
    kind_label: n === 13 ? "Search" : "Record",
    heading: [text(n === 13 ? "412 laboratory results" : `Record ${n}`, "strong")],
    reference: `Basic/${n}`,
    facts: [fact("Span", [date("03-Mar-2019"), text("to"), date("20-Nov-2026")])],
    fhir_json: n === 13 ? "" : JSON.stringify({ resourceType: "Basic", id: `${n}` }, null, 2),
  };
}

const OPTED_OUT = "This patient asked that AI not be used. Chart rows are shown without a language model.";
const choice = (id, name, data_handling, more = {}) => ({
  id,
  name,
  language_model: true,
  data_handling,
  local: false,
  why_not: "",
  retires: "",
  ...more,
});
const ROWS_ONLY = choice("none", "No language model", "", { language_model: false, local: true });
export const choices = {
  several: {
    current: "claude",
    choices: [
      choice("claude", "Claude Sonnet 4.5", "BAA · US · not retained", { retires: "30-Sep-2027" }),
      choice("local", "Qwen 3 32B", "stays in this hospital", { local: true }),
      choice("other", "GPT-5", "BAA · US · kept 30 days", {
        why_not: "IT switched it off at 20-Nov-2026 08:30.",
      }),
      ROWS_ONLY,
    ],
    notice: "",
    why_none: "",
  },
  optOut: {
    current: "none",
    choices: [ROWS_ONLY],
    notice: OPTED_OUT,
    why_none: OPTED_OUT,
  },
  none: { current: "none", choices: [ROWS_ONLY], notice: "", why_none: NONE_LISTED },
};

export const models = {
  none: { name: "No language model", language_model: false, data_handling: "" },
  claude: {
    name: "Claude Sonnet 4.5",
    language_model: true,
    data_handling: "BAA · US · not retained",
  },
};
