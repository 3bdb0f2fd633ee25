// Light or dark: as the system has it until the button is pressed; then a cookie tells the server, so that no page flashes.
const dark = matchMedia("(prefers-color-scheme: dark)");

addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  root.dataset.theme = isDark ? "light" : "dark";
  document.cookie = `crashq_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
});
