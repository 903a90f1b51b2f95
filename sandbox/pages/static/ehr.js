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
