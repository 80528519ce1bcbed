import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "../icons";
import { viewOf } from "../kinds";
import { useMe } from "../me";
import { itemsFor } from "../nav";
import { navigate } from "../router";
import { useSoon } from "../soon";
import { useLatest } from "../store";
import { strings } from "../strings";
import type { BrowseAnswer } from "../types";

interface Option {
  id: string;
  label: string;
  note: string;
  icon: IconName;
  to: string;
}

const MOST = 8;

/** Anywhere by a few letters: views first, then assets. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const options = useOptions(text);
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const go = (option: Option | undefined) => {
    if (!option) return;
    onClose();
    navigate(option.to);
  };
  const pressed = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && options.length) setChosen((chosen + by + options.length) % options.length);
    else if (event.key === "Enter") go(options[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label={strings.palette.title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div class="palette-input">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          autocomplete="off"
          spellcheck={false}
          aria-label={strings.palette.label}
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={options[chosen] ? `${id}-${chosen}` : undefined}
          placeholder={strings.palette.placeholder}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setChosen(0);
          }}
          onKeyDown={pressed}
        />
      </div>
      <ul id={`${id}-list`} role="listbox" aria-label={strings.palette.title}>
        {options.map((option, index) => (
          <li
            key={option.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseEnter={() => setChosen(index)}
            onClick={() => go(option)}
          >
            <Icon name={option.icon} />
            <span class="palette-label">{option.label}</span>
            <span class="palette-note">{option.note}</span>
          </li>
        ))}
      </ul>
      {!options.length && <p class="palette-none">{strings.palette.nothing}</p>}
    </dialog>
  );
}

function useOptions(text: string): Option[] {
  const { standing } = useMe();
  const typed = text.trim().toLowerCase();
  const [query, setQuery] = useState("");
  const [soon] = useSoon(setQuery);
  useEffect(() => soon(typed), [typed]);
  const found = useLatest<BrowseAnswer>(query ? "/catalog" : null, { query, limit: MOST });
  const views: Option[] = itemsFor(standing.actions)
    .filter((item) => item.label.toLowerCase().includes(typed))
    .map((item) => ({ id: item.id, label: item.label, note: strings.palette.views, icon: item.icon, to: item.to }));
  const cards = typed && query ? (found.data?.results ?? []) : [];
  const assets: Option[] = cards.map((card) => ({
    id: `${card.kind}/${card.path}`,
    label: card.title || card.name,
    note: `${strings.kinds[card.kind].one} · ${card.path}`,
    icon: card.kind,
    to: viewOf(card),
  }));
  return [...views, ...assets];
}
