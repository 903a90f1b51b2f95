// The EHR's page: change the panel's width, launch again in the same frame, change the user.
for (const select of document.querySelectorAll("[data-submit]")) {
  select.addEventListener("change", () => select.form.submit());
}

// An app starts in a frame that already has its size.
addEventListener("load", () => {
  requestAnimationFrame(() => {
    for (const frame of document.querySelectorAll("iframe[data-address]")) frame.src = frame.dataset.address;
  });
});

const panel = document.querySelector(".panel");

for (const button of document.querySelectorAll("[data-set-width]")) {
  button.addEventListener("click", () => {
    panel.dataset.width = button.dataset.setWidth;
    for (const other of document.querySelectorAll("[data-set-width]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  });
}

for (const button of document.querySelectorAll("[data-launch]")) {
  button.addEventListener("click", async () => {
    const answer = await fetch(button.dataset.launch, { method: "POST" });
    const { url } = await answer.json();
    panel.querySelector("iframe").src = url;
  });
}

// The wire log beside the frame: asked for once a second while it is open, drawn as text only.
const wire = document.querySelector(".wire");
const PARTIES = { launch: "EHR starts app", authorize: "browser → EHR" };

function element(name, text, className) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function pairs(title, found) {
  if (found.length === 0) return [];
  const list = element("dl");
  for (const [name, value] of found) list.append(element("dt", name), element("dd", value));
  return [element("h3", title), list];
}

function drawn(one) {
  const row = element("li");
  const details = element("details", "", one.status >= 400 ? "failed" : "");
  const summary = element("summary");
  // A search is read in one line; what an authorization request asks for, one below the other.
  const search = one.kind === "fhir" ? one.query : "";
  const asked = search ? [] : [...new URLSearchParams(one.query)];
  const address = one.kind === "launch" ? one.got[0][1] : `${one.method} ${one.path}${search ? `?${decodeURIComponent(search)}` : ""}`;
  const answer = one.got.find(([name]) => name === "answer");
  const status = one.status ? `${one.status} · ${Math.round(one.ms)} ms` : "";
  summary.append(
    element("span", one.kind, `kind ${one.kind}`),
    element("span", one.at.slice(11, 23), "at"),
    element("span", status, "status"),
    element("code", address),
  );
  if (answer) summary.append(element("span", answer[1], "answer"));
  details.append(summary, element("p", PARTIES[one.kind] ?? "copilot → EHR", "parties"), ...pairs("Sent", [...one.sent, ...asked]), ...pairs("Got", one.got));
  row.append(details);
  return row;
}

let next;

async function watch() {
  clearTimeout(next);
  if (wire.hidden) return;
  try {
    const answer = await fetch(`/wire.json?after=${wire.dataset.after}`);
    const found = await answer.json();
    for (const one of found) {
      wire.querySelector("ol").append(drawn(one));
      wire.dataset.after = one.number;
    }
    if (found.length > 0) wire.scrollTop = wire.scrollHeight;
  } finally {
    next = setTimeout(watch, 1000);
  }
}

for (const button of document.querySelectorAll("[data-wire-toggle]")) {
  button.addEventListener("click", () => {
    wire.hidden = !wire.hidden;
    button.setAttribute("aria-expanded", String(!wire.hidden));
    watch();
  });
}
