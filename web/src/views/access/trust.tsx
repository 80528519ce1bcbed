import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { words } from "../../format";
import { Icon } from "../../icons";
import { useRead } from "../../store";
import { strings } from "../../strings";
import { accessTexts } from "../../strings/access";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { CodeBlock } from "../../ui/code";
import { Dialog } from "../../ui/dialog";
import { Facts } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { attempt } from "../../ui/toast";
import type { Issuer, Provider, ProviderReport } from "./types";

const { providers, issuers, fixed, fixedText, name } = accessTexts;

function Fixed() {
  return (
    <span title={fixedText}>
      <Badge>{fixed}</Badge>
    </span>
  );
}

/** Where people sign in, and whether a sign-in can begin there. */
export function Providers() {
  const read = useRead<{ providers: Provider[] }>("/identity-providers");
  const [report, setReport] = useState<(ProviderReport & { name: string }) | null>(null);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={4} />;
  if (!read.data.providers.length) {
    const command = <CodeBlock text="airegistry provider add company --issuer https://mcp.example.com --client-id airegistry" />;
    return (
      <EmptyState icon="shield" title={providers.empty} action={command}>
        {providers.emptyText}
      </EmptyState>
    );
  }
  const test = async (one: Provider) => {
    const found = await attempt(() => send<ProviderReport>("POST", at("identity-providers", one.name, "tests"), {}));
    if (found) setReport({ ...found, name: one.name });
  };
  const columns: Column<Provider>[] = [
    { id: "name", label: name, cell: (one) => <strong>{one.title || one.name}</strong>, width: 176 },
    { id: "issuer", label: providers.issuer, cell: (one) => one.issuer },
    { id: "profile", label: providers.profile, cell: (one) => words(one.profile), width: 120, from: "m" },
    { id: "client", label: providers.client, cell: (one) => one.client_id, width: 160, from: "l" },
    { id: "groups", label: providers.groups, cell: (one) => one.groups_claim, width: 128, from: "l" },
    { id: "enabled", label: providers.enabled, cell: (one) => (one.fixed ? <Fixed /> : one.enabled ? strings.ui.yes : strings.ui.no), width: 136, from: "m" },
    { id: "test", label: providers.test, cell: (one) => <Test one={one} test={test} />, width: 96 },
  ];
  return (
    <>
      <p class="lead">{providers.local}</p>
      <Table label={providers.title} columns={columns} items={read.data.providers} keyOf={(one) => one.name} />
      {report && <Report report={report} onClose={() => setReport(null)} />}
    </>
  );
}

function Test({ one, test }: { one: Provider; test: (one: Provider) => Promise<void> }) {
  const [busy, setBusy] = useState(false);
  return (
    <Button
      small
      busy={busy}
      aria-label={`${providers.test} ${one.name}`}
      onClick={async () => {
        setBusy(true);
        await test(one);
        setBusy(false);
      }}
    >
      {providers.test}
    </Button>
  );
}

function Report({ report, onClose }: { report: ProviderReport; onClose: () => void }) {
  return (
    <Dialog title={providers.testing} onClose={onClose}>
      {report.problems.length === 0 && (
        <p class="notice good">
          <Icon name="check" />
          {providers.well}
        </p>
      )}
      {report.problems.map((each) => (
        <p key={each} class="notice bad">
          <Icon name="warning" />
          {each}
        </p>
      ))}
      <Facts facts={[[providers.issuer, report.issuer], [providers.redirect, <code>{report.redirect_uri}</code>]]} />
    </Dialog>
  );
}

/** Whose JWTs count. */
export function Issuers() {
  const read = useRead<{ issuers: Issuer[] }>("/trusted-issuers");
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={4} />;
  if (!read.data.issuers.length) {
    const command = <CodeBlock text="airegistry issuer add workloads --issuer https://mcp.example.com --group robots" />;
    return (
      <EmptyState icon="shield" title={issuers.empty} action={command}>
        {issuers.emptyText}
      </EmptyState>
    );
  }
  const columns: Column<Issuer>[] = [
    { id: "name", label: name, cell: (one) => <strong>{one.name}</strong>, width: 160 },
    { id: "issuer", label: providers.issuer, cell: (one) => one.issuer },
    { id: "accepts", label: issuers.accepts, cell: (one) => one.accepts.map(words).join(", "), width: 176, from: "l" },
    { id: "groups", label: issuers.groups, cell: (one) => one.groups.join(", "), width: 200, from: "l" },
    { id: "mapped", label: issuers.mapped, cell: (one) => Object.keys(one.group_map).join(", "), width: 160, from: "m" },
    { id: "active", label: issuers.active, cell: (one) => (one.fixed ? <Fixed /> : one.active ? strings.ui.yes : strings.ui.no), width: 136 },
  ];
  return (
    <>
      <p class="lead">{issuers.lead}</p>
      <Table label={issuers.title} columns={columns} items={read.data.issuers} keyOf={(one) => one.name} />
    </>
  );
}
