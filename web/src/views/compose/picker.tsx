import { useState } from "preact/hooks";
import { useLatest, useRead } from "../../store";
import { actTexts } from "../../strings/act";
import { TextField } from "../../ui/field";
import { Button } from "../../ui/button";
import { ErrorState, Skeleton } from "../../ui/states";

const { compose } = actTexts;

export interface Pick {
  server: string;
  tool: string;
  description: string;
}

interface PickerProps {
  chosen: Set<string>;
  onAdd: (picks: Pick[]) => void;
}

interface Found {
  results: { server?: string; tool?: string; name: string; description: string }[];
}

interface Servers {
  services: { path: string; name: string; transport?: string; tools?: { name: string; description: string }[] }[];
}

export function keyOf(pick: { server: string; tool: string }): string {
  return `${pick.server}/${pick.tool}`;
}

/** Tools of every server that one sees: searched, or server by server. */
export function Picker({ chosen, onAdd }: PickerProps) {
  const [query, setQuery] = useState("");
  const words = query.trim();
  const found = useLatest<Found>(words ? "/search" : null, { query: words, kinds: ["tool"], limit: 30 });
  const picks = (found.data?.results ?? []).filter((each) => each.server && each.tool).map((each) => ({ server: each.server!, tool: each.tool!, description: each.description }));
  const addFirst = (event: Event) => {
    event.preventDefault();
    const first = picks.find((each) => !chosen.has(keyOf(each)));
    if (words && first) onAdd([first]);
  };
  return (
    <section class="panel picker" aria-label={compose.find}>
      <form onSubmit={addFirst}>
        <TextField label={compose.find} hint={compose.findHint} value={query} onValue={setQuery} />
      </form>
      {!words ? (
        <Servers chosen={chosen} onAdd={onAdd} />
      ) : found.data ? (
        <Picks picks={picks} chosen={chosen} onAdd={onAdd} label={compose.results} />
      ) : found.error ? (
        <ErrorState error={found.error} again={found.again} />
      ) : (
        <Skeleton />
      )}
    </section>
  );
}

function Servers({ chosen, onAdd }: PickerProps) {
  const read = useRead<Servers>("/servers", { limit: 100, detail: "brief", enabled: true });
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />;
  const lenders = read.data.services.filter((each) => each.transport !== "stdio" && each.tools?.length);
  if (!lenders.length) return <p class="quiet">{compose.noServers}</p>;
  return (
    <ul class="tool-list" aria-label={compose.servers}>
      {lenders.map((server) => {
        const picks = server.tools!.map((tool) => ({ server: server.path, tool: tool.name, description: tool.description }));
        const left = picks.filter((each) => !chosen.has(keyOf(each)));
        return (
          <li key={server.path}>
            <details class="tool">
              <summary data-item>
                <code>{server.path}</code>
                <span class="tool-lead">{server.name}</span>
                <span class="count">{picks.length}</span>
              </summary>
              <div class="picker-tools">
                {left.length > 1 && (
                  <Button small icon="plus" onClick={() => onAdd(left)}>
                    {compose.addAll(left.length)}
                  </Button>
                )}
                <Picks picks={picks} chosen={chosen} onAdd={onAdd} label={server.name} alone />
              </div>
            </details>
          </li>
        );
      })}
    </ul>
  );
}

function Picks({ picks, chosen, onAdd, label, alone }: PickerProps & { picks: Pick[]; label: string; alone?: boolean }) {
  if (!picks.length) return <p class="quiet">{compose.nothing}</p>;
  return (
    <ul class="picks" aria-label={label}>
      {picks.map((each) => {
        const added = chosen.has(keyOf(each));
        return (
          <li key={keyOf(each)}>
            <div>
              <code>{each.tool}</code>
              {!alone && <span class="quiet"> {compose.from(each.server)}</span>}
              <p class="quiet">{each.description.split("\n")[0]}</p>
            </div>
            <Button small icon={added ? "check" : "plus"} data-item aria-label={compose.addTool(each.tool, each.server)} disabled={added} onClick={() => onAdd([each])}>
              {added ? compose.added : compose.add}
            </Button>
          </li>
        );
      })}
    </ul>
  );
}
