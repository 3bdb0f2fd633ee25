// The chart of days: shows the values of the day under the pointer, and selects days by a drag.
import { RENEWED } from "./sections.js";

attach(document);
document.addEventListener(RENEWED, (event) => attach(event.detail));

function attach(root) {
  for (const chart of root.querySelectorAll("[data-brush]")) brush(chart);
}

function brush(chart) {
  const days = [...chart.querySelectorAll(".day")];
  const readout = chart.querySelector("[data-readout]");
  const idle = readout?.textContent;
  let from = null;

  const dayAt = (event) => {
    const box = chart.querySelector("svg").getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * days.length);
    return Math.min(Math.max(at, 0), days.length - 1);
  };
  const mark = (a, b) => {
    const [first, last] = [Math.min(a, b), Math.max(a, b)];
    days.forEach((day, at) => day.classList.toggle("chosen", at >= first && at <= last));
    const sum = days.slice(first, last + 1).reduce((total, day) => total + Number(day.dataset.count), 0);
    const name = first === last ? days[first].dataset.date : `${days[first].dataset.date} to ${days[last].dataset.date}`;
    if (readout) readout.textContent = `${name}: ${sum.toLocaleString()}`;
  };
  const clear = () => {
    from = null;
    days.forEach((day) => day.classList.remove("chosen"));
    if (readout) readout.textContent = idle;
  };

  if (!days.length) return;
  chart.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.target.closest("svg")) return;
    from = dayAt(event);
    chart.setPointerCapture(event.pointerId);
    mark(from, from);
    event.preventDefault();
  });
  chart.addEventListener("pointermove", (event) => {
    if (from !== null || event.target.closest("svg")) mark(from ?? dayAt(event), dayAt(event));
  });
  chart.addEventListener("pointerleave", () => from === null && clear());
  chart.addEventListener("pointercancel", clear);
  chart.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const [first, last] = [Math.min(from, dayAt(event)), Math.max(from, dayAt(event))];
    from = null;
    const address = new URL(location.href);
    address.searchParams.set("since_date", days[first].dataset.date);
    address.searchParams.set("until_date", days[last].dataset.date);
    address.searchParams.delete("occurrence");
    address.hash = "";
    location.assign(address);
  });
}
