import { render } from "preact";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/overlays.css";
import "./styles/content.css";
import "./styles/views.css";
import { begin } from "./api";
import { App } from "./app";
import { listen } from "./live";
import { match } from "./router";
import { ROUTES } from "./routes";
import { ErrorState } from "./ui/states";
import { BASE } from "./base";

const place = document.getElementById("app");
const path = location.pathname.slice(BASE.length);
void match(ROUTES, path.startsWith("/ui/") ? path.slice(3) : "/")?.route.load(); // while it is asked who is there

if (place) {
  try {
    const { session, standing } = await begin();
    render(<App session={session} standing={standing} />, place);
    listen();
  } catch (error) {
    render(<ErrorState error={error} again={() => location.reload()} />, place);
  }
}
