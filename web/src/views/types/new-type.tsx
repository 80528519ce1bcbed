import "../register/register.css";
import "./types.css";
import { Link } from "../../router";
import { actTexts } from "../../strings/act";
import { Page } from "../../ui/page";
import { TypeForm } from "./type-form";

/** Define a type. */
export default function NewType() {
  const { types } = actTexts;
  return (
    <Page title={types.new} above={<Link to="/types">{types.title}</Link>} below={types.lead}>
      <TypeForm />
    </Page>
  );
}
