// Runs before the page is drawn, so that a chosen theme never flashes. No module: those run late.
(() => {
  const KEY = "fabmarket-theme";
  const THEMES = ["auto", "light", "dark"];
  const read = () => {
    try {
      const theme = localStorage.getItem(KEY);
      return THEMES.includes(theme) ? theme : "auto";
    } catch {
      return "auto"; // a browser that keeps nothing follows the system
    }
  };
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) {
      button.hidden = false;
      button.textContent = `Theme: ${theme}`;
    }
  };
  show(read());
  addEventListener("storage", (event) => event.key === KEY && show(read()));
  addEventListener("DOMContentLoaded", () => {
    show(read());
    document.getElementById("theme").addEventListener("click", () => {
      const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // it holds for this page then
      }
      show(theme);
    });
  });
})();
