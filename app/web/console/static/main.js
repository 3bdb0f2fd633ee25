// What every page has: times in the viewer's zone, light and dark, menus, copying, keys.
import "./theme.js";
import "./copy.js";
import "./keys.js";
import { showTimes } from "./times.js";

document.documentElement.classList.add("js");
showTimes(document);
setInterval(() => showTimes(document), 60_000); // what was "just now" is not for long

addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
addEventListener("formdata", ({ target, formData }) => {
  if (target.method !== "get") return;
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name); // an address that says what is asked
});
