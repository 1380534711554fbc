/**
 * Light or dark: as the system says, until the reader chooses. `public/theme.js` applies the choice before the first
 * paint. What paints by itself listens to the window's event `themechange`.
 */
import { byId } from "./dom.js";

const storageKey = "tidepool-demo-theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

export function setUpTheme(): void {
  const toggle = byId<HTMLButtonElement>("theme");
  const label = (): void => {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`);
  };
  const changed = (): void => {
    label();
    dispatchEvent(new Event("themechange"));
  };
  toggle.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem(storageKey, theme);
    changed();
  });
  systemDark.addEventListener("change", changed);
  label();
}

function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : systemDark.matches;
}
