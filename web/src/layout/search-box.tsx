import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../icons";
import { navigate, usePlace, withParams } from "../router";
import { strings } from "../strings";
import { IconButton } from "../ui/button";

/** Milliseconds without a key after which is searched. */
const PAUSE = 120;

/** The one search box: what is typed is in the address of Find, as soon as one stops. */
export function SearchBox({ input }: { input: { current: HTMLInputElement | null } }) {
  const place = usePlace();
  const there = place.path === "/" ? (place.query.get("q") ?? "") : "";
  const [text, setText] = useState(there);
  const pause = useRef<number | undefined>(undefined);
  const sent = useRef(there);
  useEffect(() => {
    if (there === sent.current) return;
    sent.current = there; // somebody went elsewhere, or back
    setText(there);
  }, [there]);
  const search = (query: string) => {
    clearTimeout(pause.current);
    sent.current = query.trim();
    const here = location.pathname.endsWith("/ui/") || !location.pathname.includes("/ui/");
    navigate(here ? withParams({ q: sent.current || null }) : `/?q=${encodeURIComponent(sent.current)}`, { replace: here });
  };
  const typed = (query: string) => {
    setText(query);
    clearTimeout(pause.current);
    pause.current = window.setTimeout(() => search(query), PAUSE);
  };
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        search(text);
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        type="text"
        enterkeyhint="search"
        autocomplete="off"
        spellcheck={false}
        aria-label={strings.search.label}
        placeholder={strings.search.placeholder}
        value={text}
        onInput={(event) => typed(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") input.current?.blur();
          if (event.key === "ArrowDown") document.querySelector<HTMLElement>("[data-item]")?.focus();
        }}
      />
      {text ? (
        <IconButton
          icon="cross"
          label={strings.search.clear}
          onClick={() => {
            setText("");
            search("");
            input.current?.focus();
          }}
        />
      ) : (
        <kbd aria-hidden="true">/</kbd>
      )}
    </form>
  );
}
