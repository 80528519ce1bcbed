import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "../icons";

type Look = "primary" | "plain" | "quiet" | "danger";
type Native = Omit<JSX.IntrinsicElements["button"], "icon" | "size">;

type ButtonProps = Native & { look?: Look; icon?: IconName; busy?: boolean; small?: boolean; children: ComponentChildren };

/** A button with words. `busy` keeps its width and says so to screen readers. */
export function Button({ look = "plain", icon, busy, small, children, disabled, ...more }: ButtonProps) {
  return (
    <button
      type="button"
      {...more}
      class={`button ${look}${small ? " small" : ""}`}
      disabled={Boolean(disabled) || busy}
      aria-busy={busy || undefined}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

type IconButtonProps = Native & { icon: IconName; label: string };

/** A button that is an icon; its label is told and shown when one points at it. */
export function IconButton({ icon, label, ...more }: IconButtonProps) {
  return (
    <button type="button" title={label} aria-label={label} {...more} class="icon-button">
      <Icon name={icon} />
    </button>
  );
}
