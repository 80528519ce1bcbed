import { useId } from "preact/hooks";
import { Icon } from "../icons";
import { useMe } from "../me";
import { itemAt, itemsFor, PARTS, type NavItem, type Part } from "../nav";
import { useRemembered } from "../remembered";
import { Link, usePlace } from "../router";
import { strings } from "../strings";

interface NavigationProps {
  /** Icons alone: there is no room for headings, and nothing is folded. */
  narrow?: boolean;
  onGo?: () => void;
}

/** Where one may go, in parts that fold. What one is at stays in sight. */
export function Navigation({ narrow = false, onGo }: NavigationProps) {
  const { standing } = useMe();
  const place = usePlace();
  const [folded, setFolded] = useRemembered<Part[]>("nav.folded", []);
  const current = itemAt(place.path, place.query);
  const items = itemsFor(standing.actions);
  const fold = (part: Part) => setFolded(folded.includes(part) ? folded.filter((each) => each !== part) : [...folded, part]);
  return (
    <nav aria-label={strings.nav.label}>
      {PARTS.map((part) => {
        const within = items.filter((item) => item.part === part);
        const open = narrow || part === "discover" || !folded.includes(part);
        return within.length ? (
          <Group
            key={part}
            part={part}
            items={open ? within : within.filter((item) => item.id === current)}
            open={open}
            current={current}
            onFold={part === "discover" || narrow ? undefined : () => fold(part)}
            onGo={() => onGo?.()}
          />
        ) : null;
      })}
    </nav>
  );
}

interface GroupProps {
  part: Part;
  items: NavItem[];
  open: boolean;
  current: string | undefined;
  /** Absent where it does not fold. */
  onFold: (() => void) | undefined;
  onGo: () => void;
}

function Group({ part, items, open, current, onFold, onGo }: GroupProps) {
  const id = useId();
  const label = strings.nav.parts[part];
  return (
    <div class="nav-group">
      {part !== "discover" && (
        <h2 class="nav-part">
          {onFold ? (
            <button type="button" aria-expanded={open} aria-controls={id} onClick={onFold}>
              {label}
              <Icon name={open ? "down" : "right"} size={12} />
            </button>
          ) : (
            label
          )}
        </h2>
      )}
      <ul id={id}>
        {items.map((item) => (
          <li key={item.id}>
            <Link to={item.to} class="nav-item" title={item.label} aria-current={item.id === current ? "page" : undefined} onClick={onGo}>
              <Icon name={item.icon} />
              <span class="nav-label">{item.label}</span>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}
