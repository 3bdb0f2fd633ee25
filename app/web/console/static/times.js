// Times in the viewer's zone, with UTC on hover.
import { el } from "./dom.js";

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "always", style: "short" });
const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["week", 604_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

function ago(instant) {
  const seconds = (instant - Date.now()) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return AGO.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

/** Rewrite every `<time data-show="full|day|ago">` below `root`. */
export function showTimes(root) {
  for (const time of root.querySelectorAll("time[data-show]")) show(time);
}

/** A `<time>` of an RFC 3339 text. */
export function timeOf(text, style = "full") {
  return show(el("time", { datetime: text, "data-show": style }));
}

function show(time) {
  const instant = new Date(time.dateTime);
  if (Number.isNaN(instant.getTime())) return time;
  const iso = instant.toISOString(); // to the millisecond, where there are some
  const utc = `${iso.slice(0, iso.endsWith(".000Z") ? 19 : 23).replace("T", " ")} UTC`;
  const style = time.dataset.show;
  time.textContent = style === "ago" ? ago(instant) : (style === "day" ? DAY : FULL).format(instant);
  time.title = style === "ago" ? `${FULL.format(instant)} (${utc})` : utc;
  return time;
}
