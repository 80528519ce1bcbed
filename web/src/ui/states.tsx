import { Component, type ComponentChildren } from "preact";
import { ApiError } from "../api";
import { Icon, type IconName } from "../icons";
import { strings } from "../strings";
import { Button } from "./button";
import { told } from "./toast";

/** Nothing is here, why, and what to do next. */
export function EmptyState(props: { icon: IconName; title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={props.icon} size={28} />
      <h2>{props.title}</h2>
      {props.children && <p>{props.children}</p>}
      {props.action}
    </div>
  );
}

interface ErrorStateProps {
  error: unknown;
  again?: () => void;
  /** What it is of, where that is not a view. */
  title?: string | undefined;
  action?: ComponentChildren;
}

/** What went wrong, in words, with a way on. */
export function ErrorState({ error, again, title, action }: ErrorStateProps) {
  const missing = error instanceof ApiError && error.status === 404;
  const denied = error instanceof ApiError && error.status === 403;
  const usual = missing ? strings.errors.missingTitle : denied ? strings.errors.deniedTitle : strings.errors.title;
  return (
    <div class="empty" role="alert">
      <Icon name={denied ? "shield" : "warning"} size={28} />
      <h2>{title ?? usual}</h2>
      <p>{told(error)}</p>
      {error instanceof ApiError && Array.isArray(error.details["missing"]) && (
        <p>
          {strings.errors.needed} <code>{(error.details["missing"] as string[]).join(", ")}</code>
        </p>
      )}
      {again && !missing && (
        <Button icon="refresh" onClick={again}>
          {strings.ui.again}
        </Button>
      )}
      {action}
    </div>
  );
}

/** Grey lines in place of what is on its way. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="skeleton" aria-busy="true" aria-label={strings.ui.loading} role="status">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} class="bone" />
      ))}
    </div>
  );
}

/** Keeps an error of one view from taking the page with it. `at` is where it is: elsewhere it begins anew. */
export class Boundary extends Component<{ at: string; children: ComponentChildren }, { error: unknown; at: string }> {
  override state = { error: undefined as unknown, at: this.props.at };

  static override getDerivedStateFromError(error: unknown) {
    return { error };
  }

  static override getDerivedStateFromProps(props: { at: string }, state: { error: unknown; at: string }) {
    return props.at === state.at ? null : { error: undefined, at: props.at };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return <ErrorState error={this.state.error} again={() => location.reload()} />;
  }
}
