import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { Icon } from "../../icons";
import { useKeys } from "../../keys";
import { placeOf, viewOf } from "../../kinds";
import { useMay } from "../../me";
import { Link, navigate } from "../../router";
import { invalidate } from "../../store";
import { actTexts } from "../../strings/act";
import type { Asset } from "../../types";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Menu } from "../../ui/menu";
import { attempt, toast } from "../../ui/toast";
import { restore, restoring, type Restoring } from "./restore";

const { edit } = actTexts;

/** What can be done with an asset, for whoever may: edit, switch, refresh, delete. */
export function AssetActs({ asset }: { asset: Asset }) {
  const local = asset.provenance.source === "local";
  const may = { update: useMay("update") && local, toggle: useMay("toggle"), refresh: useMay("refresh"), delete: useMay("delete") && local };
  const [deleting, setDeleting] = useState<{ way: Restoring | null } | null>(null);
  const place = at(placeOf(asset.kind), asset.path);
  const refreshable = may.refresh && (asset.kind === "agent" || asset.kind === "skill" || (asset.kind === "server" && asset.transport !== "stdio"));
  const changed = () => invalidate(place, "/catalog");
  useKeys([{ key: "e", does: edit.edit, run: () => may.update && navigate(viewOf(asset, "edit")) }]);
  const toggle = () => void switchTo(asset, !asset.enabled, changed);
  const refresh = async () => {
    if (await attempt(() => send("POST", `${place}/refresh`), edit.refreshed)) changed();
  };
  const remove = async () => setDeleting({ way: await restoring(asset).catch(() => null) });
  if (!may.update && !may.toggle && !refreshable && !may.delete) return null;
  return (
    <>
      {may.update && (
        <Link to={viewOf(asset, "edit")} class="button plain">
          <Icon name="edit" />
          {edit.edit}
        </Link>
      )}
      {may.update && asset.kind === "virtual_server" && (
        <Link to={viewOf(asset, "compose")} class="button plain">
          <Icon name="tool" />
          {actTexts.compose.choose}
        </Link>
      )}
      <Menu button={<Icon name="more" />} label={edit.more}>
        {(close) => (
          <div class="menu-acts">
            {may.toggle && !asset.held_by_scan && <MenuAct icon={asset.enabled ? "minus" : "check"} text={asset.enabled ? edit.off : edit.on} run={toggle} close={close} />}
            {refreshable && <MenuAct icon="refresh" text={edit.refresh} run={() => void refresh()} close={close} />}
            {may.delete && <MenuAct icon="trash" text={edit.remove} run={() => void remove()} close={close} />}
          </div>
        )}
      </Menu>
      {deleting && <Deletion asset={asset} way={deleting.way} onClose={() => setDeleting(null)} />}
    </>
  );
}

function MenuAct({ icon, text, run, close }: { icon: "minus" | "check" | "refresh" | "trash"; text: string; run: () => void; close: () => void }) {
  return (
    <Button
      look="quiet"
      icon={icon}
      onClick={() => {
        close();
        run();
      }}
    >
      {text}
    </Button>
  );
}

/** Switch on or off, with the way back in the message. */
async function switchTo(asset: Asset, enabled: boolean, changed: () => void): Promise<void> {
  const place = `${at(placeOf(asset.kind), asset.path)}/enabled`;
  if (!(await attempt(() => send("PUT", place, { enabled })))) return;
  changed();
  const name = asset.title || asset.name;
  const undo = async () => {
    if (await attempt(() => send("PUT", place, { enabled: !enabled }), edit.undone)) changed();
  };
  toast(enabled ? edit.switchedOn(name) : edit.switchedOff(name), { undo: () => void undo() });
}

/** Says what a deletion takes, and what undoing it does not bring back. */
function Deletion({ asset, way, onClose }: { asset: Asset; way: Restoring | null; onClose: () => void }) {
  const [busy, setBusy] = useState(false);
  const name = asset.title || asset.name;
  const confirm = async () => {
    setBusy(true);
    const gone = await attempt(() => send("DELETE", at(placeOf(asset.kind), asset.path)));
    setBusy(false);
    if (!gone) return;
    onClose();
    invalidate("/catalog");
    navigate(`/?kind=${asset.kind}`);
    const undo = async () => {
      if (!way || (await attempt(async () => (await restore(asset, way), true), edit.restored(name))) === undefined) return;
      invalidate("/catalog", at(placeOf(asset.kind), asset.path));
      navigate(viewOf(asset));
    };
    toast(way ? edit.deleted(name) : edit.deletedFinal(name), way ? { undo: () => void undo() } : {});
  };
  return (
    <Confirm title={edit.deleteTitle(name)} action={edit.delete} danger busy={busy} onConfirm={() => void confirm()} onClose={onClose}>
      <p>{edit.deleteText}</p>
      <p>{way ? edit.deleteUndo : edit.deleteFinal}</p>
      {asset.enabled && <p class="quiet">{edit.deleteInstead}</p>}
    </Confirm>
  );
}
