// Erasures under way: how far each is, as often as the server says.
import { call } from "./api.js";
import { pause } from "./upload.js";

for (const row of document.querySelectorAll("[data-erasure]")) follow(row);

async function follow(row) {
  for (;;) {
    let answer;
    try {
      answer = await call(row.dataset.erasure);
    } catch (error) {
      if (![0, 429, 503].includes(error.status)) return;
      await pause(10);
      continue;
    }
    const { state, progress } = answer.body.result;
    if (state === "finished") {
      location.reload();
      return;
    }
    const bar = row.querySelector("progress");
    if (progress.total > 0) Object.assign(bar, { max: progress.total, value: progress.done });
    bar.nextElementSibling.textContent = `${progress.done.toLocaleString("en")} of ${progress.total.toLocaleString("en")} ${progress.unit} read`;
    await pause(Math.max(Number(answer.headers.get("Retry-After") ?? 1), 1));
  }
}
