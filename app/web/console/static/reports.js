// Downloads of one occurrence's report: the export job is begun, followed, and its file fetched.
import { localPath } from "./api.js";
import { ask } from "./job.js";
import { el } from "./dom.js";
import { Progress } from "./follow.js";

addEventListener("click", (event) => {
  const button = event.target.closest("[data-report]");
  if (button) download(button);
});

async function download(button) {
  const section = button.closest(".report");
  const path = button.closest("[data-reports]").dataset.reports;
  const format = button.dataset.report;
  const controller = new AbortController();
  const progress = new Progress(section.querySelector("[data-report-state]"), `Report as ${format}`, controller);
  button.disabled = true;
  try {
    const { result } = await ask(`${path}&format=${format}`, { signal: controller.signal, onState: (state) => progress.show(state) });
    progress.clear();
    el("a", { href: localPath(result.url), download: result.filename }).click();
  } catch (error) {
    if (error.name !== "AbortError") progress.say(`${error.message}.`, "bad");
  } finally {
    button.disabled = false;
  }
}
