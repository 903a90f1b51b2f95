// Draws the analyst's page, after a sign-in or at a reload. A file of its own: no chart's page loads it.

import { render } from "preact";
import { dropKey, findKey, keepKey } from "../ehr/carriers";
import { openDesk } from "./api";
import { Population } from "./Population";
import "./analyst.css";

/** Without a key nobody is signed in: the server says so, and the page that it is over. */
export function show(root: HTMLElement, slug: string, given: string | null): void {
  const name = `analyst:${slug}`;
  const key = given ?? findKey(name) ?? "";
  document.title = "Chartside · Population";
  if (given !== null) keepKey(name, given);
  // What comes back from the back-forward cache asks first.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  render(<Population api={openDesk(slug, key)} onLeft={() => dropKey(name)} />, root);
}
