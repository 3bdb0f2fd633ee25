// Files to the API, a few at a time: dropped or chosen, each with its progress and what became of it.
import { ApiError } from "./api.js";
import { el, meta, say } from "./dom.js";

const AT_ONCE = 3;
const ROOT = meta("crashq-root");
const CSRF = meta("csrf-token");

/** POST a file as the body; `onProgress` gets the part that is sent, 0 to 1. Resolves to the answer's `result`. Throws ApiError. */
export function send(path, file, onProgress = () => {}) {
  return new Promise((resolve, refuse) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of how much has been sent
    request.open("POST", ROOT + path);
    request.setRequestHeader("X-CSRF-Token", CSRF);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener("error", () => refuse(new ApiError("The service cannot be reached", 0, "unreachable")));
    request.addEventListener("load", () => {
      const response = request.response;
      if (request.status < 300 && response?.success) return resolve(response.result);
      const code = request.getResponseHeader("X-Error-Code") ?? "";
      return refuse(new ApiError(response?.error_message ?? "The service gave no answer that can be read", request.status, code));
    });
    request.send(file);
  });
}

/**
 * Let a form's files go by `take(file, row)` as soon as they are dropped or chosen. `row` has show(...nodes), progress(part), problem(text).
 * `take` may throw ApiError. Resolved files stay listed; `onIdle` is called when none is left.
 */
export function acceptFiles(form, take, { onIdle = () => {}, isReady = () => true } = {}) {
  const drop = form.querySelector(".drop");
  const input = form.querySelector('input[type="file"]');
  const list = form.querySelector(".uploads");
  const waiting = [];
  let busy = 0;

  async function work() {
    while (busy < AT_ONCE && waiting.length > 0) {
      busy += 1;
      const { file, row } = waiting.shift();
      take(file, row)
        .catch((error) => {
          if (!(error instanceof ApiError)) throw error;
          row.problem(`${error.message}.`);
        })
        .finally(() => {
          busy -= 1;
          if (busy === 0 && waiting.length === 0) onIdle();
          work();
        });
    }
  }

  function add(files) {
    if (files.length === 0 || !isReady()) return;
    for (const file of files) {
      const row = rowOf(file);
      list.append(row.element);
      waiting.push({ file, row });
    }
    say(files.length === 1 ? `Sending ${files[0].name}` : `Sending ${files.length} files`);
    work();
  }

  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) {
    form.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  form.addEventListener("dragleave", (event) => form.contains(event.relatedTarget) || drop.classList.remove("is-over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    add([...event.dataTransfer.files].filter((file) => file.size > 0 || file.type));
  });
  input.required = false;
}

function rowOf(file) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
  const end = el("div", { class: "end" }, bar);
  const element = el("li", {}, el("span", { class: "wrap" }, file.name), end);
  return {
    element,
    progress: (part) => (bar.value = part),
    show: (...nodes) => end.replaceChildren(...nodes),
    note: (text, kind) => element.append(el("p", { class: `small ${kind}` }, text)),
    problem(text) {
      end.replaceChildren(el("span", { class: "badge badge-bad" }, "not sent"));
      element.append(el("p", { class: "small field-problem" }, text));
      say(`${file.name}: ${text}`);
    },
  };
}

/** A badge as the templates make it. */
export function badge(text, kind) {
  return el("span", { class: `badge badge-${kind}` }, text);
}

/** Wait; a hidden page waits until it is looked at. */
export async function pause(seconds) {
  await new Promise((wake) => setTimeout(wake, seconds * 1000));
  if (document.hidden) await new Promise((wake) => document.addEventListener("visibilitychange", wake, { once: true }));
}
