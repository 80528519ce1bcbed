import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../icons";
import { useKeys } from "../keys";
import { usePulse } from "../live";
import { useMe } from "../me";
import { itemAt, itemsFor, type NavItem } from "../nav";
import { useRemembered } from "../remembered";
import { Link, usePlace } from "../router";
import { strings } from "../strings";
import { Button, IconButton } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Toasts } from "../ui/toast";
import { step } from "../ui/virtual-list";
import { Account } from "./account";
import { KeysHelp } from "./keys-help";
import { Palette } from "./palette";
import { SearchBox } from "./search-box";

type Over = "palette" | "keys" | "menu" | null;

/** The frame around every view: sidebar, top bar, what lies over the page, and what is read out. */
export function Layout({ children }: { children: ComponentChildren }) {
  const [narrow, setNarrow] = useRemembered("sidebar.narrow", false);
  const [over, setOver] = useState<Over>(null);
  const search = useRef<HTMLInputElement>(null);
  const place = usePlace();
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
    <div class={narrow ? "frame narrow" : "frame"}>
      <a class="skip" href="#main" onClick={toMain}>
        {strings.skip}
      </a>
      <aside class="sidebar">
        <Brand />
        <Navigation />
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
        <Paused />
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

function Navigation({ onGo }: { onGo?: () => void }) {
  const { standing } = useMe();
  const place = usePlace();
  const current = itemAt(place.path, place.query);
  const items = itemsFor(standing.actions);
  const part = (name: NavItem["part"]) => items.filter((item) => item.part === name);
  const line = (item: NavItem) => (
    <li key={item.id}>
      <Link
        to={item.to}
        class="nav-item"
        title={item.label}
        aria-current={item.id === current ? "page" : undefined}
        onClick={() => onGo?.()}
      >
        <Icon name={item.icon} />
        <span class="nav-label">{item.label}</span>
      </Link>
    </li>
  );
  const govern = part("govern");
  return (
    <nav aria-label={strings.nav.label}>
      <ul>{part("discover").map(line)}</ul>
      {govern.length > 0 && (
        <>
          <h2 class="nav-part">{strings.nav.govern}</h2>
          <ul>{govern.map(line)}</ul>
        </>
      )}
    </nav>
  );
}

function Paused() {
  const pulse = usePulse();
  return (
    <div role="status">
      {pulse === "paused" && (
        <div class="paused">
          <Icon name="warning" />
          <span>{strings.live.paused}</span>
          <Button look="quiet" small onClick={() => location.reload()}>
            {strings.live.reload}
          </Button>
        </div>
      )}
    </div>
  );
}

function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
