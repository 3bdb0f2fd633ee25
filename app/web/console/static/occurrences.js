// The occurrences of a crash, filling in while their job runs.
import { call } from "./api.js";
import { ask, watch } from "./job.js";
import { el, meta } from "./dom.js";
import { Progress } from "./follow.js";

const WHOLE = 50_000; // rows up to which the whole list is asked for; of a longer one the newest
const NEWEST = 1_000;
const STEP = 200; // rows drawn at a time

const card = document.getElementById("occurrences");
const list = card?.querySelector("[data-rows]");
async function start() {
  const { occurrences: path, count, page, dates, chosen } = card.dataset;
  const isLong = Number(count) > WHOLE;
  const request = isLong ? `${path}${path.includes("?") ? "&" : "?"}page=1&per_page=${NEWEST}` : path;
  const controller = new AbortController();
  const progress = new Progress(card.querySelector("[data-live]"), "Occurrences", controller);
  const rows = new Rows(list, page, dates, chosen);
  try {
    const { result } = await ask(request, {
      signal: controller.signal,
      isPartial: true,
      onState: (state) => {
        progress.show(state);
        if (state.result?.length) rows.show(state.result);
      },
    });
    rows.show(result);
    progress.clear();
    if (isLong) rows.tell(`The newest of ${Number(count).toLocaleString()}`, wholeList(path));
  } catch (error) {
    if (error.name !== "AbortError") progress.say(`${error.message}.`, "bad");
  }
}

/** A button that has the whole of a long list made, and then links to it: it is far too long to be drawn. */
function wholeList(path) {
  const address = meta("crashq-root") + path;
  const begin = async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const progress = new Progress(card.querySelector("[data-live]"), "The whole list", controller);
    try {
      const head = await fetch(address, { method: "HEAD", cache: "no-store", signal }); // without the list, should it be there
      if (!head.ok || head.headers.has("Retry-After")) {
        const { body } = await call(path, { signal });
        const job = await watch(body.job_id, { signal, onState: (state) => progress.show(state) });
        if (job.state !== "finished") return progress.say(`${job.error?.message ?? `The job was ${job.state}`}.`, "bad");
      }
      progress.say("The whole list is made.", "good", el("a", { href: address, download: "occurrences.json" }, "Download it as JSON"));
    } catch (error) {
      if (error.name !== "AbortError") progress.say(`${error.message}.`, "bad");
    }
  };
  return el("button", { class: "button button-small", type: "button", on: { click: begin } }, "Have the whole list made");
}

class Rows {
  constructor(place, page, dates, chosen) {
    Object.assign(this, { place, page, dates, chosen, drawn: STEP, known: [] });
    this.foot = el("p", { class: "muted small rows-foot" });
    this.more = el("button", { class: "button button-small", type: "button", on: { click: () => this.drawMore() } }, "Show more");
    this.note = [];
    place.after(this.foot);
  }

  show(rows) {
    this.known = rows;
    this.draw();
  }

  /** What stands behind the number of rows: texts and elements. */
  tell(...note) {
    this.note = note;
    this.draw();
  }

  drawMore() {
    this.drawn += STEP;
    this.draw();
    this.place.children[this.drawn - STEP]?.querySelector("a")?.focus();
  }

  draw() {
    const shown = this.known.slice(0, this.drawn);
    const focused = this.place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    shown.forEach((row, at) => {
      const now = this.place.children[at];
      if (now?.dataset.id !== row.id) now ? now.replaceWith(this.line(row)) : this.place.append(this.line(row));
    });
    while (this.place.children.length > shown.length) this.place.lastElementChild.remove();
    if (focused) [...this.place.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    const number = `${this.known.length.toLocaleString()} ${this.known.length === 1 ? "row" : "rows"}`;
    this.foot.replaceChildren(el("span", {}, number), ...(this.known.length > this.drawn ? [this.more] : []), ...this.note);
  }

  line({ id, date }) {
    const query = new URLSearchParams(this.dates);
    query.set("occurrence", id);
    const isChosen = id === this.chosen;
    return el(
      "li", { "data-id": id },
      el("a", { "data-row": true, href: `${this.page}?${query}#report`, "aria-current": isChosen ? "true" : null },
        el("span", { class: "cut mono" }, id), el("span", { class: "muted number" }, date)),
    );
  }
}

if (list) start();
