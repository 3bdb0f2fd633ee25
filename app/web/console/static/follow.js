// A job as people see it: how far it is, a button that cancels it, and its end in words.
import { cancel } from "./job.js";
import { el, icon, say } from "./dom.js";

/** Fills `place` with what `onState` of `ask` tells, and cancels by `controller`. */
export class Progress {
  constructor(place, what, controller) {
    this.bar = el("progress", { "aria-label": what });
    this.words = el("span", {}, "Asking…");
    this.jobId = null;
    this.begun = new Promise((tell) => (this.tellBegun = tell));
    this.stop = el("button", { class: "button button-small button-bad", type: "button", on: { click: () => this.cancel(controller) } }, icon("stop"), "Cancel");
    this.box = el("div", { class: "progress job-progress" }, this.bar, this.words, this.stop);
    this.place = place;
    place.hidden = false;
    place.replaceChildren(this.box);
  }

  show({ jobId, done, total, unit, problem }) {
    this.jobId = jobId ?? this.jobId;
    if (this.jobId) this.tellBegun();
    if (total) {
      this.bar.max = total;
      this.bar.value = done;
    }
    this.words.textContent = problem ?? (total ? `${done.toLocaleString()} of ${total.toLocaleString()} ${unit}` : "Waiting for a worker");
  }

  async cancel(controller) {
    this.stop.disabled = true;
    await this.begun; // a request that is not answered yet begins a job all the same, which would go on unseen
    controller.abort();
    try {
      await cancel(this.jobId);
      this.say("Cancelled", "plain");
    } catch (error) {
      this.say(`${error.message}.`, "bad");
    }
  }

  /** The end: words, and nodes after them. */
  say(words, mood, ...nodes) {
    const sign = icon({ good: "check", bad: "warn", warn: "warn" }[mood] ?? "info");
    this.place.replaceChildren(
      el("div", { class: `flash flash-${mood}`, role: mood === "bad" ? "alert" : "status" }, sign, el("div", {}, el("p", {}, words), ...nodes)),
    );
    say(words);
  }

  clear() {
    this.place.replaceChildren();
    this.place.hidden = true;
  }
}
