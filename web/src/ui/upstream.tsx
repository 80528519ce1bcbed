import { pieces } from "../hidden";
import { strings } from "../strings";

/** A text that others wrote, as it is: no markup, and what does not show is written out. */
export function Upstream({ text }: { text: string }) {
  return (
    <>
      {pieces(text).map((piece, index) =>
        piece.hidden === undefined ? (
          piece.text
        ) : (
          <span key={index} class="unseen" title={strings.ui.unseen}>
            {piece.hidden}
          </span>
        ),
      )}
    </>
  );
}
