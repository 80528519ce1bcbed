import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../icons";
import { navigate, usePlace, withParams } from "../router";
import { useSoon } from "../soon";
import { strings } from "../strings";
import { IconButton } from "../ui/button";

/** The one search box: what is typed is in the address of Find, letter by letter. */
export function SearchBox({ input }: { input: { current: HTMLInputElement | null } }) {
  const place = usePlace();
  const there = place.path === "/" ? (place.query.get("q") ?? "") : "";
  const [text, setText] = useState(there);
  const sent = useRef(there);
  const search = (query: string) => {
    sent.current = query.trim();
    const here = location.pathname.endsWith("/ui/") || !location.pathname.includes("/ui/");
    navigate(here ? withParams({ q: sent.current || null }) : `/?q=${encodeURIComponent(sent.current)}`, { replace: here });
  };
  const [soon, forget] = useSoon(search);
  useLayoutEffect(() => {
    // before the next timer: a letter that is still to be searched for would bring the person back
    if (there === sent.current) return;
    sent.current = there; // somebody went elsewhere, or back
    forget();
    setText(there);
  }, [there]);
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        soon(text);
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
        onInput={(event) => {
          setText(event.currentTarget.value);
          soon(event.currentTarget.value);
        }}
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
            soon("");
            input.current?.focus();
          }}
        />
      ) : (
        <kbd aria-hidden="true">/</kbd>
      )}
    </form>
  );
}
