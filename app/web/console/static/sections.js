// Sections of a page whose results are still being made: followed by the API, then taken anew out of the same page.
import { ask } from "./job.js";
import { el, icon, say } from "./dom.js";
import { showTimes } from "./times.js";

/** Dispatched on the document with `detail` the section, after one has been taken anew. */
export const RENEWED = "crashq:renewed";

let page = null; // one look at the page for all sections that end about the same time

for (const section of document.querySelectorAll("[data-follow]")) follow(section);

async function follow(section) {
  const state = section.querySelector("[data-state]");
  try {
    await ask(section.dataset.follow, { onState: (now) => show(state, now) });
    await renew(section.id);
  } catch (error) {
    if (error.name === "AbortError") return;
    state?.replaceChildren(el("p", { class: "flash flash-bad", role: "alert" }, icon("warn"), `${error.message}.`));
  }
}

function show(state, { loading, done, total, unit, problem }) {
  if (!state || !loading) return;
  const bar = el("progress", total ? { max: total, value: done, "aria-label": "Progress" } : { "aria-label": "Progress" });
  const words = problem ?? (total ? `${done.toLocaleString()} of ${total.toLocaleString()} ${unit}` : "Waiting for a worker");
  state.replaceChildren(el("div", { class: "progress" }, bar, el("span", {}, words)));
}

/**
 * Put the section that the server makes now in the place of the one shown. The server escapes whatever a log says, and
 * neither scripts nor styles run by the page's policy; nothing else may be put into a page as markup.
 */
export async function renew(id) {
  page ??= fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", credentials: "same-origin" });
  const requested = page;
  const answer = await requested.then((found) => found.clone().text());
  if (page === requested) page = null;
  const made = new DOMParser().parseFromString(answer, "text/html").getElementById(id);
  const old = document.getElementById(id);
  if (!made || !old) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  old.replaceWith(document.adoptNode(made));
  showTimes(made);
  if (focused) [...made.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  for (const inner of [made, ...made.querySelectorAll("[data-follow]")]) if (inner.dataset.follow) follow(inner);
  say("Ready");
  document.dispatchEvent(new CustomEvent(RENEWED, { detail: made }));
}
