import "../register/register.css";
import "./types.css";
import { Link } from "../../router";
import { strings } from "../../strings";
import { Page } from "../../ui/page";
import { TypeForm } from "./type-form";

/** Define a type. */
export default function NewType() {
  const { types } = strings.act;
  return (
    <Page title={types.new} above={<Link to="/types">{types.title}</Link>} below={types.lead}>
      <TypeForm />
    </Page>
  );
}
