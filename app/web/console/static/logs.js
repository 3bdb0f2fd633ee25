// Logs are sent one by one, and rows that wait for a worker are followed until it has been there.
import { ApiError, call } from "./api.js";
import { el, say } from "./dom.js";
import { acceptFiles, badge, pause, send } from "./upload.js";

const MOODS = { received: "accent", digested: "good", rejected: "bad" };
const PAUSES = [0.5, 1, 1, 2, 2, 3, 5]; // seconds between looks; the last goes on
const MOST_LOOKS = 120;

const form = document.querySelector("form[data-logs]");
if (form) accept(form);
for (const row of document.querySelectorAll("[data-log]")) follow(row);

function accept(form) {
  const limit = Number(form.dataset.limit);
  acceptFiles(form, async (file, row) => {
    if (file.size > limit) throw new ApiError("The log is larger than the service takes", 413, "too_large");
    const name = await nameOf(file);
    const query = name ? `?log_id=${encodeURIComponent(name)}` : "";
    const { log_id: logId } = await send(`${form.dataset.logs}${query}`, file, row.progress);
    const page = form.dataset.page.replace(/-$/, logId);
    row.show(badge("received", MOODS.received), el("a", { href: page }, "Open"));
    watch(form.dataset.logs, logId, (log) => {
      row.show(badge(log.status, MOODS[log.status]), found(log), el("a", { href: page }, "Open"));
      if (log.error_message) row.note(log.error_message, log.status === "rejected" ? "field-problem" : "muted");
      say(`${file.name}: ${log.status}`);
    });
  });
}

/** What `crashq log add` would name it: the file's name and its bytes, so that the same file again is the same log. */
async function nameOf(file) {
  if (!crypto.subtle) return ""; // no https: the server names it
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  const hex = [...hash.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const stem = file.name.replace(/(.)\.[^.]*$/, "$1").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 80);
  return `${stem || "log"}-${hex}`;
}

function found(log) {
  const count = log.occurrences.length;
  return log.status === "digested" ? el("span", { class: "muted small" }, `${count} occurrence${count === 1 ? "" : "s"}`) : "";
}

/** Look at a log until a worker has been there; then call `onEnd` with it. */
async function watch(path, logId, onEnd) {
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    await pause(PAUSES[Math.min(look, PAUSES.length - 1)]);
    let log;
    try {
      log = (await call(`${path}/${encodeURIComponent(logId)}`)).body.result;
    } catch (error) {
      if ([0, 429, 503].includes(error.status)) continue;
      return;
    }
    if (log.status !== "received") {
      onEnd(log);
      return;
    }
  }
}

function follow(row) {
  const path = row.dataset.logs ?? form?.dataset.logs;
  if (!path) return;
  watch(path, row.dataset.log, (log) => {
    if ("whole" in row.dataset) {
      location.reload();
      return;
    }
    row.querySelector("[data-state]").replaceChildren(badge(log.status, MOODS[log.status]));
    if (log.status === "digested") row.querySelector("[data-found]").textContent = String(log.occurrences.length);
    if (log.error_message) row.querySelector("td").append(el("p", { class: "small field-problem" }, log.error_message));
  });
}
