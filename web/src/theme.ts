/** Light, dark, or as the system has it. The shell applies what is kept before anything is drawn. */
import { useState } from "preact/hooks";
import { recall, remember } from "./remembered";

export type Theme = "system" | "light" | "dark";

const NAME = "theme";

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => recall<Theme>(NAME, "system"));
  return [
    theme,
    (next) => {
      apply(next); // at once: whoever reloads the page right after finds it as they chose
      setTheme(next);
    },
  ];
}

function apply(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  remember(NAME, theme === "system" ? null : theme);
}
