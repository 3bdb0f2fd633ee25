// Live jobs of the page: progress as the API tells it, until each has ended.
import { call } from "./api.js";
import { el, say } from "./dom.js";
import { badge, pause } from "./upload.js";

const MOODS = { queued: "plain", running: "accent", finished: "good", failed: "bad", cancelled: "warn", expired: "plain" };
const PAUSES = [1, 1, 2, 2, 2, 3, 5]; // seconds between looks; the last goes on
const AWAY = 10; // seconds, while the service cannot be reached

const rows = new Map([...document.querySelectorAll("[data-job]")].map((row) => [row.dataset.job, row]));
follow();

async function follow() {
  for (let look = 0; rows.size > 0; look += 1) {
    await pause(PAUSES[Math.min(look, PAUSES.length - 1)]);
    try {
      for (const job of await live()) show(job);
    } catch (error) {
      if (![0, 429, 503].includes(error.status)) return;
      await pause(AWAY);
    }
  }
}

/** The jobs of the page as they are; one request while all are live, one more for each that has ended. */
async function live() {
  const found = new Map();
  if (rows.size > 1) {
    const { body } = await call("/api/jobs?state=live&per_page=200");
    for (const job of body.result) found.set(job.job_id, job);
  }
  for (const id of rows.keys()) {
    if (!found.has(id)) found.set(id, (await call(`/api/jobs/${id}`)).body.result);
  }
  return [...found.values()].filter((job) => rows.has(job.job_id));
}

function show(job) {
  const row = rows.get(job.job_id);
  const isLive = job.state === "queued" || job.state === "running";
  if (!isLive && "whole" in row.dataset) {
    location.reload();
    rows.delete(job.job_id);
    return;
  }
  row.querySelector("[data-state]").replaceChildren(badge(job.state, MOODS[job.state]));
  const bar = row.querySelector("progress");
  const { done, total, unit } = job.progress;
  if (bar && isLive) {
    if (total > 0) Object.assign(bar, { max: total, value: done });
    bar.nextElementSibling.textContent = `${done.toLocaleString("en")}${total ? ` of ${total.toLocaleString("en")}` : ""} ${unit}`;
  }
  if (isLive) return;
  rows.delete(job.job_id);
  bar?.closest(".progress").remove();
  if (job.error) {
    row.querySelector(".state").append(el("p", { class: "small" }, job.error.explanation), el("p", { class: "small muted" }, job.error.advice));
  }
  row.querySelector(".acts").replaceChildren(el("a", { class: "button button-small", href: row.querySelector("a").href }, "Open"));
  say(`${row.querySelector("a").textContent}: ${job.state}`);
}
