import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../icons";
import { useKeys } from "../keys";
import { brokenSince, usePulse } from "../live";
import { useRemembered } from "../remembered";
import { Link, usePlace } from "../router";
import { strings } from "../strings";
import { Button, IconButton } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Toasts } from "../ui/toast";
import { step } from "../ui/virtual-list";
import { Account } from "./account";
import { KeysHelp } from "./keys-help";
import { Navigation } from "./navigation";
import { Palette } from "./palette";
import { SearchBox } from "./search-box";

type Over = "palette" | "keys" | "menu" | null;

/** The frame around every view: sidebar, top bar, what lies over the page, and what is read out. */
export function Layout({ children }: { children: ComponentChildren }) {
  const [narrow, setNarrow] = useRemembered("sidebar.narrow", false);
  const [over, setOver] = useState<Over>(null);
  const search = useRef<HTMLInputElement>(null);
  const place = usePlace();
  const pulse = usePulse();
  useEffect(() => setOver(null), [place.path]);
  useKeys([
    { key: "/", does: strings.keys.search, run: () => search.current?.focus() },
    { key: "mod+k", does: strings.keys.palette, run: () => setOver("palette") },
    { key: "?", does: strings.keys.help, run: () => setOver("keys") },
    { key: "j", does: strings.keys.next, run: () => step(1) },
    { key: "k", does: strings.keys.previous, run: () => step(-1) },
    { key: "[", does: strings.keys.sidebar, run: () => setNarrow(!narrow) },
  ]);
  return (
    <div class={narrow ? "frame narrow" : "frame"} data-stale={pulse === "paused" ? "" : undefined}>
      <a class="skip" href="#main" onClick={toMain}>
        {strings.skip}
      </a>
      <aside class="sidebar">
        <Brand />
        <Navigation narrow={narrow} />
        <button type="button" class="nav-item collapse" aria-expanded={!narrow} onClick={() => setNarrow(!narrow)}>
          <Icon name="sidebar" />
          <span class="nav-label">{narrow ? strings.nav.expand : strings.nav.collapse}</span>
        </button>
      </aside>
      <div class="page">
        <header class="topbar">
          <span class="phone-only">
            <IconButton icon="menu" label={strings.nav.open} onClick={() => setOver("menu")} />
          </span>
          <SearchBox input={search} />
          <Account onKeys={() => setOver("keys")} />
        </header>
        <Paused on={pulse === "paused"} />
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      {over === "palette" && <Palette onClose={() => setOver(null)} />}
      {over === "keys" && <KeysHelp onClose={() => setOver(null)} />}
      {over === "menu" && (
        <Dialog title={strings.product} side onClose={() => setOver(null)}>
          <Navigation onGo={() => setOver(null)} />
        </Dialog>
      )}
      <Toasts />
    </div>
  );
}

function Brand() {
  return (
    <Link to="/" class="brand">
      <svg width="22" height="22" viewBox="0 0 16 16" aria-hidden="true">
        <rect width="16" height="16" rx="4" class="mark" />
        <path d="M4.5 11.5 8 4l3.5 7.5M5.8 9h4.4" class="mark-line" />
      </svg>
      <span class="nav-label">{strings.product}</span>
    </Link>
  );
}

/** Says from when on what is shown is not kept up any more. */
function Paused({ on }: { on: boolean }) {
  return (
    <div role="status">
      {on && (
        <div class="paused">
          <Icon name="warning" />
          <span>{strings.live.paused(clock(brokenSince()))}</span>
          <Button look="quiet" small onClick={() => location.reload()}>
            {strings.live.reload}
          </Button>
        </div>
      )}
    </div>
  );
}

function clock(at: number): string {
  return new Date(at).toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
