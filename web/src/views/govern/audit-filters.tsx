import { useState } from "preact/hooks";
import { Icon } from "../../icons";
import { useRemembered } from "../../remembered";
import { navigate, withParams } from "../../router";
import { governTexts } from "../../strings/govern";
import { Button, IconButton } from "../../ui/button";
import { Field, TextField } from "../../ui/field";
import { Menu } from "../../ui/menu";
import { toast } from "../../ui/toast";
import { FILTERS, kept } from "./audit-query";
import { ChoiceFilter, FilterRow, TextFilter, choicesOf } from "./shared";

const { audit } = governTexts;
const NONE = Object.fromEntries(FILTERS.map((name) => [name, null]));

/** What is looked for, all of it in the address. */
export function AuditFilters({ query }: { query: URLSearchParams }) {
  const value = (name: string) => query.get(name) ?? "";
  return (
    <FilterRow any={kept(query) !== ""} clear={() => navigate(withParams(NONE), { replace: true })}>
      <Span query={query} />
      <TextFilter label={audit.subject} name="subject" value={value("subject")} hint={audit.subjectHint} />
      <TextFilter label={audit.action} name="action" value={value("action")} hint={audit.actionHint} />
      <TextFilter label={governTexts.asset} name="asset" value={value("asset")} hint={governTexts.assetHint} />
      <TextFilter label={audit.tool} name="tool" value={value("tool")} />
      <ChoiceFilter label={audit.decision} name="decision" value={value("decision")} choices={choicesOf(audit.decisions, governTexts.everything)} />
      <TextFilter label={audit.request} name="request_id" value={value("request_id")} />
      <Saved query={query} />
    </FilterRow>
  );
}

/** When: a span that ends now, or from one moment to another. */
function Span({ query }: { query: URLSearchParams }) {
  const own = query.has("since") || query.has("until");
  const [picking, setPicking] = useState(own);
  const chosen = picking || own ? "own" : (query.get("last") ?? "all");
  const choose = (next: string) => {
    setPicking(next === "own");
    navigate(withParams({ since: null, until: null, last: next === "all" || next === "own" ? null : next }), { replace: true });
  };
  return (
    <>
      <Field label={audit.span}>
        {(ids) => (
          <select class="input" {...ids} value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
            {choicesOf(audit.spans).map((each) => (
              <option key={each.value} value={each.value}>
                {each.label}
              </option>
            ))}
          </select>
        )}
      </Field>
      {chosen === "own" && (
        <>
          <TextFilter label={audit.since} name="since" value={query.get("since") ?? ""} type="datetime-local" />
          <TextFilter label={audit.until} name="until" value={query.get("until") ?? ""} type="datetime-local" />
        </>
      )}
    </>
  );
}

interface Kept {
  name: string;
  query: string;
}

/** Sets of filters that this browser keeps by a name. */
function Saved({ query }: { query: URLSearchParams }) {
  const [saved, setSaved] = useRemembered<Kept[]>("audit.saved", []);
  const [name, setName] = useState("");
  const now = kept(query);
  const save = (close: () => void) => {
    setSaved([...saved.filter((each) => each.name !== name.trim()), { name: name.trim(), query: now }]);
    toast(audit.savedDone(name.trim()));
    setName("");
    close();
  };
  const button = (
    <span class="button plain small">
      <Icon name="star" />
      {audit.saved}
    </span>
  );
  return (
    <Menu label={audit.saved} button={button}>
      {(close) => (
        <div class="saved">
          {saved.length === 0 && <p class="quiet">{audit.savedNone}</p>}
          <ul>
            {saved.map((each) => (
              <li key={each.name}>
                <button
                  type="button"
                  class="menu-item"
                  onClick={() => {
                    close();
                    navigate(`/audit?${each.query}`);
                  }}
                >
                  {each.name}
                </button>
                <IconButton icon="trash" label={audit.forget(each.name)} onClick={() => setSaved(saved.filter((other) => other !== each))} />
              </li>
            ))}
          </ul>
          {now && (
            <form
              onSubmit={(event) => {
                event.preventDefault();
                if (name.trim()) save(close);
              }}
            >
              <TextField label={audit.saveName} value={name} onValue={setName} />
              <Button type="submit" small disabled={!name.trim()}>
                {audit.save}
              </Button>
            </form>
          )}
        </div>
      )}
    </Menu>
  );
}
