// The one sentence of each full-frame stop.

import type { Gate } from "../state/reduce";

export function gateTitle(gate: Gate): string {
  switch (gate.kind) {
    case "expired":
      return "Your session has ended.";
    case "ended":
      return "You ended this launch.";
    case "closed":
      return "This panel is closed.";
    case "ehr-down":
      return gate.problem.code === "ehr.unavailable" ? "The EHR does not answer." : gate.problem.title;
    case "switched-off":
      return gate.problem.title;
    case "restricted":
      return "The EHR restricts part of this chart.";
    case "back":
      return "You came back to an earlier panel.";
    case "foreign":
      return "Stopped: an answer from another chart came to this panel. It was not shown.";
    case "error":
      return gate.page.title;
  }
}
