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
  location.replace(page.authorize);
}
