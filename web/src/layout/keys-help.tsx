import { known } from "../keys";
import { strings } from "../strings";
import { Dialog } from "../ui/dialog";

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

export function KeysHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={strings.keys.title} onClose={onClose}>
      <dl class="keys">
        {known().map((key) => (
          <div key={key.key}>
            <dt>{key.does}</dt>
            <dd>
              {key.key.split("+").map((each) => (
                <kbd key={each}>{each === "mod" ? (APPLE ? "⌘" : "Ctrl") : each.toUpperCase()}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
