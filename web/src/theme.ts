/** Light, dark, or as the system has it. */
import { useEffect, useState } from "preact/hooks";
import { recall, remember } from "./remembered";

export type Theme = "system" | "light" | "dark";

const NAME = "theme";

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => recall<Theme>(NAME, "system"));
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    remember(NAME, theme === "system" ? null : theme);
  }, [theme]);
  return [theme, setTheme];
}
