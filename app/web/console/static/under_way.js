// What goes on at the service, an erasure or a regrouping: how far it is, as often as the server says; the page anew at its end.
import { call } from "./api.js";
import { pause } from "./upload.js";

for (const row of document.querySelectorAll("[data-under-way]")) follow(row);

async function follow(row) {
  for (;;) {
    let answer;
    try {
      answer = await call(row.dataset.underWay);
    } catch (error) {
      if (![0, 429, 503].includes(error.status)) return;
      await pause(10);
      continue;
    }
    const found = answer.body.result;
    if (!found || found.state === "finished") {
      location.reload();
      return;
    }
    const { done, total, unit } = found.progress;
    const bar = row.querySelector("progress");
    if (total > 0) Object.assign(bar, { max: total, value: done });
    bar.nextElementSibling.textContent = `${done.toLocaleString("en")}${total ? ` of ${total.toLocaleString("en")}` : ""} ${unit} read`;
    await pause(Math.max(Number(answer.headers.get("Retry-After") ?? 1), 1));
  }
}
