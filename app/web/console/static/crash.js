// A crash's page: its parts, each in a module of its own.
import "./sections.js";
import "./occurrences.js";
import "./reports.js";
import "./batch.js";
import "./brush.js";

addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});
