// Rows of links that scroll on a narrow screen: the current one is where it can be seen.
for (const row of document.querySelectorAll(".choices, .side")) {
  const current = row.querySelector("[aria-current]");
  if (current) row.scrollLeft = current.offsetLeft - row.offsetLeft - (row.clientWidth - current.offsetWidth) / 2;
}
