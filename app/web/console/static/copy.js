// Buttons that copy: `data-copy` is the text, `data-copy-of` the id of the element whose text it is.
import { say } from "./dom.js";

addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-of]");
  if (!button) return;
  const text = button.dataset.copy ?? document.getElementById(button.dataset.copyOf)?.textContent ?? "";
  const copied = await copy(text);
  say(copied ? "Copied" : "Could not be copied");
  button.classList.toggle("is-done", copied);
  setTimeout(() => button.classList.remove("is-done"), 1500);
});

async function copy(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // not allowed: the old way may be
    }
  }
  const area = document.createElement("textarea"); // the clipboard is for https and localhost only
  area.value = text;
  area.className = "sr";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
