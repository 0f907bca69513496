/** Dark or light: the system's, unless somebody has chosen. */
const KEPT_UNDER = "pgdesk.theme";
export type Theme = "system" | "light" | "dark";

export const keptTheme = (): Theme => {
  const kept = localStorage.getItem(KEPT_UNDER);
  return kept === "light" || kept === "dark" ? kept : "system";
};

export function applyTheme(theme: Theme = keptTheme()): void {
  localStorage.setItem(KEPT_UNDER, theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
