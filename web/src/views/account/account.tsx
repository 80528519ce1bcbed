import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { BASE } from "../../base";
import { exact, words } from "../../format";
import { useMe } from "../../me";
import { invalidate, useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Facts, Section, Time } from "../../ui/facts";
import { Page } from "../../ui/page";
import { ErrorState, Skeleton } from "../../ui/states";
import { attempt } from "../../ui/toast";
import { NewToken } from "../access/tokens";
import "../access/access.css";

const texts = accessTexts.account;

interface Held {
  sessions: { id: string; here: boolean; by: string; signed_in_at: string; seen_at: string; expires_at: string }[];
  applications: { client_id: string; name: string; scopes: string[]; resources: string[]; used_at: string | null }[];
  connections: { id: string; backend: string; name: string; host: string; connected_at: string }[];
  unconnected: { backend: string; name: string; host: string }[];
}

/** One's own account: who one is here, where one is signed in, and what one allowed. */
export default function AccountView() {
  const { session, standing } = useMe();
  const read = useRead<Held>("/account");
  const [minting, setMinting] = useState(false);
  return (
    <Page title={texts.title} below={session.user.email || session.user.id}>
      <div class="two">
        <div>
          {read.data ? <Everything held={read.data} /> : read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />}
          <Section title={texts.own} action={<Button small onClick={() => setMinting(true)}>{accessTexts.tokens.add}</Button>}>
            <p class="quiet">{texts.ownText}</p>
          </Section>
          <Section title={texts.security} action={<a class="button plain small" href={`${BASE}/account`}>{texts.manage}</a>}>
            <p class="quiet">{texts.securityText}</p>
          </Section>
        </div>
        <aside aria-label={texts.you}>
          <Facts
            facts={[
              [texts.you, session.user.name || session.user.id],
              [texts.groups, standing.groups.join(", ") || accessTexts.none],
              [texts.scopes, standing.scopes.join(", ") || accessTexts.none],
              [texts.actions, standing.actions.map(words).join(", ")],
              [texts.session, exact(session.expires_at)],
            ]}
          />
        </aside>
      </div>
      {minting && <NewToken own onClose={() => setMinting(false)} />}
    </Page>
  );
}

interface Ending {
  title: string;
  text: string;
  action: string;
  path: string;
  done: string;
}

function Everything({ held }: { held: Held }) {
  const [ending, setEnding] = useState<Ending | null>(null);
  return (
    <>
      <Sessions sessions={held.sessions} />
      <Connections held={held} end={setEnding} />
      <Applications held={held} end={setEnding} />
      {ending && (
        <Confirm
          title={`${ending.title}?`}
          action={ending.action}
          danger
          onClose={() => setEnding(null)}
          onConfirm={() => {
            setEnding(null);
            void end(ending.path, ending.done);
          }}
        >
          <p>{ending.text}</p>
        </Confirm>
      )}
    </>
  );
}

function Sessions({ sessions }: { sessions: Held["sessions"] }) {
  return (
    <Section title={texts.sessions}>
      <ul class="plain-list held">
        {sessions.map((each) => (
          <li key={each.id}>
            <div>
              <strong>{words(each.by)}</strong> {each.here && <Badge tone="accent">{texts.here}</Badge>}
              <p>
                {texts.since} <Time at={each.signed_in_at} />, {texts.seen.toLowerCase()} <Time at={each.seen_at} />
              </p>
            </div>
            {!each.here && (
              <Button small onClick={() => void end(at("account", "sessions", each.id), texts.ended)}>
                {texts.end}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Connections({ held, end }: { held: Held; end: (what: Ending) => void }) {
  const none = !held.connections.length && !held.unconnected.length;
  return (
    <Section title={texts.connections}>
      {none && <p class="quiet">{texts.noConnections}</p>}
      <ul class="plain-list held">
        {held.connections.map((each) => (
          <li key={each.id}>
            <div>
              <strong>{each.name}</strong>
              <p>
                {each.host} · {texts.connectedSince.toLowerCase()} <Time at={each.connected_at} />
              </p>
            </div>
            <Button
              small
              onClick={() =>
                end({ title: `${texts.disconnect} ${each.name}`, text: texts.disconnectText(each.name), action: texts.disconnect, path: at("account", "connections", each.id), done: texts.disconnected })
              }
            >
              {texts.disconnect}
            </Button>
          </li>
        ))}
        {held.unconnected.map((each) => (
          <li key={each.backend}>
            <div>
              <strong>{each.name}</strong>
              <p>{each.host}</p>
            </div>
            <a class="button plain small" href={`${BASE}/account/connections`}>
              {texts.connect}
            </a>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Applications({ held, end }: { held: Held; end: (what: Ending) => void }) {
  return (
    <Section title={texts.applications}>
      {!held.applications.length && <p class="quiet">{texts.noApplications}</p>}
      <ul class="plain-list held">
        {held.applications.map((each) => (
          <li key={each.client_id}>
            <div>
              <strong>{each.name}</strong>
              <p>
                {each.scopes.join(", ")} · {each.used_at ? <Time at={each.used_at} /> : texts.unused}
              </p>
            </div>
            <Button
              small
              onClick={() =>
                end({ title: `${texts.forget}: ${each.name}`, text: texts.forgetText(each.name), action: texts.forget, path: at("account", "applications", each.client_id), done: texts.forgotten(each.name) })
              }
            >
              {texts.forget}
            </Button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

async function end(path: string, done: string): Promise<void> {
  await attempt(() => send("DELETE", path), done);
  invalidate("/account");
}
