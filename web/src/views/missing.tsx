import { Link } from "../router";
import { strings } from "../strings";
import { Page } from "../ui/page";

/** An address of nothing. */
export function Missing() {
  return (
    <Page title={strings.missing.title}>
      <p class="lead">{strings.missing.text}</p>
      <p>
        <Link to="/" class="button primary">
          {strings.missing.home}
        </Link>
      </p>
    </Page>
  );
}
