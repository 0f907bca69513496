import { LANGUAGES, type Language, useLanguage } from "@kit/i18n";
import { Button, Menu, MenuItem, MenuLine } from "@kit/ui";
import { applyTheme, keptTheme } from "@kit/ui/theme";
import { Globe } from "lucide-react";
import { useShellWords } from "./words";

export function Preferences() {
  const t = useShellWords();
  const { language, choose } = useLanguage();
  return (
    <Menu
      trigger={
        <Button look="quiet" small>
          <Globe aria-hidden size={16} /> {t("preferences")}
        </Button>
      }
    >
      {(Object.keys(LANGUAGES) as Language[]).map((each) => (
        <MenuItem
          key={each}
          label={LANGUAGES[each]}
          checked={each === language}
          onSelect={() => choose(each)}
        />
      ))}
      <MenuLine />
      {(["system", "light", "dark"] as const).map((theme) => (
        <MenuItem
          key={theme}
          label={t(theme)}
          checked={keptTheme() === theme}
          onSelect={() => applyTheme(theme)}
        />
      ))}
    </Menu>
  );
}
