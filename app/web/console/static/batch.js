// Many occurrences as files: asked with filters, followed, cancelled; then a link for each part.
import { localPath } from "./api.js";
import { ask } from "./job.js";
import { el } from "./dom.js";
import { Progress } from "./follow.js";
import { timeOf } from "./times.js";

const FACTS = ["app_version", "os_name", "os_version", "device_model", "user_id"];
const MOST_LINKS = 50;

addEventListener("submit", (event) => {
  const form = event.target.closest("[data-batch-form]");
  if (!form) return;
  event.preventDefault();
  exportRows(form);
});

function filters(form) {
  const values = new FormData(form);
  const given = (name) => (values.get(name) ?? "").trim();
  const wanted = { format: values.get("format") };
  if (wanted.format === "csv") wanted.encoding = "utf-8-sig"; // a person opens it in a spreadsheet program
  if (given("batch-since")) wanted.since_date = given("batch-since");
  if (given("batch-until")) wanted.until_date = given("batch-until");
  for (const name of FACTS) {
    const several = given(`batch-${name}`).split(",").map((one) => one.trim()).filter(Boolean);
    if (several.length) wanted[name] = several;
  }
  return wanted;
}

async function exportRows(form) {
  const section = form.closest("[data-batch]");
  const controller = new AbortController();
  const progress = new Progress(section.querySelector("[data-batch-state]"), "Export", controller);
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    const { result } = await ask(section.dataset.batch, {
      json: filters(form), signal: controller.signal, onState: (state) => progress.show(state),
    });
    tell(progress, result);
  } catch (error) {
    if (error.name !== "AbortError") progress.say(`${error.message}.`, "bad");
  } finally {
    button.disabled = false;
  }
}

const counted = (number, what) => `${number.toLocaleString()} ${what}${number === 1 ? "" : "s"}`;

function tell(progress, manifest) {
  const files = manifest.parts.slice(0, MOST_LINKS).map((part) =>
    el("li", {}, el("a", { href: localPath(part.url), download: part.filename }, part.filename), ` ${counted(part.rows, "row")}, ${size(part.size)}`));
  const left = manifest.parts.length - files.length;
  const unreadable = manifest.unreadable ? ` ${manifest.unreadable.toLocaleString()} could not be read whole.` : "";
  const missing = manifest.missing ? ` ${manifest.missing.toLocaleString()} erased or aged meanwhile.` : "";
  progress.say(
    `${counted(manifest.rows, "occurrence")}, ${size(manifest.total_size)}.${unreadable}${missing}`, manifest.complete ? "good" : "warn",
    el("ul", { class: "files" }, ...files),
    left > 0 ? el("p", {}, `${left.toLocaleString()} more in the manifest.`) : null,
    el("p", {}, el("a", { href: localPath(manifest.url), download: manifest.filename }, "Manifest"), ", kept until ", timeOf(manifest.expires_at)),
  );
}

function size(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (bytes >= 1000 && at < units.length - 1) {
    bytes /= 1000;
    at += 1;
  }
  return `${at === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[at]}`;
}
