import { useState } from "preact/hooks";
import { send } from "../api";
import { BASE } from "../base";
import { Icon, type IconName } from "../icons";
import { useMe } from "../me";
import { Link } from "../router";
import { strings } from "../strings";
import { useTheme, type Theme } from "../theme";
import { Confirm } from "../ui/dialog";
import { Menu } from "../ui/menu";
import { Segments } from "../ui/tabs";
import { attempt } from "../ui/toast";

const THEMES: Theme[] = ["system", "light", "dark"];

/** Who is signed in, how the page looks, and the ways out. */
export function Account({ onKeys }: { onKeys: () => void }) {
  const { session, standing } = useMe();
  const [theme, setTheme] = useTheme();
  const [asking, setAsking] = useState(false);
  const name = session.user.name || session.user.id;
  const groups = standing.groups.length ? standing.groups.join(", ") : strings.account.noGroups;
  return (
    <>
      <Menu label={`${strings.account.label}: ${name}`} button={<span class="avatar">{initials(name)}</span>}>
        {(close) => (
          <>
            <div class="menu-head">
              <strong>{name}</strong>
              {session.user.email && <span>{session.user.email}</span>}
              <span>{groups}</span>
            </div>
            <div class="menu-part">
              <Segments
                label={strings.account.theme}
                value={theme}
                onValue={setTheme}
                choices={THEMES.map((value) => ({ value, label: strings.account.themes[value] }))}
              />
            </div>
            <div class="menu-part">
              <Link to="/account" class="menu-item" onClick={close}>
                <Icon name="user" />
                {strings.account.yours}
              </Link>
              <Item
                icon="keyboard"
                label={strings.account.keys}
                run={() => {
                  close();
                  onKeys();
                }}
              />
            </div>
            <div class="menu-part">
              <Item icon="exit" label={strings.account.signOut} run={() => void leave(false)} />
              <Item
                icon="exit"
                label={strings.account.signOutAll}
                run={() => {
                  close();
                  setAsking(true);
                }}
              />
            </div>
            <div class="menu-foot">
              {strings.product} {standing.version}
            </div>
          </>
        )}
      </Menu>
      {asking && (
        <Confirm title={strings.account.signOutAll} action={strings.account.signOutAll} onClose={() => setAsking(false)} onConfirm={() => void leave(true)}>
          <p>{strings.account.signOutAllText}</p>
        </Confirm>
      )}
    </>
  );
}

function Item({ icon, label, run }: { icon: IconName; label: string; run: () => void }) {
  return (
    <button type="button" class="menu-item" onClick={run}>
      <Icon name={icon} />
      {label}
    </button>
  );
}

/** End the session, and go where its identity provider ends its own too. */
async function leave(everywhere: boolean): Promise<void> {
  const ended = await attempt(() => send<{ next: string | null }>("DELETE", "/session", undefined, { query: { everywhere } }));
  if (ended) location.assign(ended.next ?? `${BASE}/logout`);
}

function initials(name: string): string {
  const parts = name.split(/[\s._@-]+/).filter(Boolean);
  return ((parts[0]?.[0] ?? "?") + (parts.length > 1 ? (parts.at(1)?.[0] ?? "") : "")).toUpperCase();
}
