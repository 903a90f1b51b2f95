// The launch page: leave the bind secret for the callback, then go to the EHR's authorization page.

import type { LaunchPage } from "./api/events.gen";
import { leaveBind } from "./ehr/leave_bind";

const page = JSON.parse(document.getElementById("page")?.textContent ?? "{}") as LaunchPage;

if (self.origin === "null") {
  // A sandboxed frame without allow-same-origin has neither storage nor cookies, nor may it call its own server.
  const sentence = document.createElement("p");
  sentence.setAttribute("role", "alert");
  sentence.textContent = "This EHR frames the app without allow-same-origin. Tell your IT department.";
  document.getElementById("app")?.replaceChildren(sentence);
} else {
  leaveBind(page.state, page.bind);
  if (Object.keys(page.form).length === 0) location.replace(page.authorize);
  else post(page.authorize, page.form);
}

/** Some EHRs take the authorization request as a form only, and a long one fits no address. */
function post(action: string, fields: LaunchPage["form"]): void {
  const form = document.createElement("form");
  form.method = "post";
  form.action = action;
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = String(value);
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}
