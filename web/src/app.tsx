import { useEffect, useState } from "preact/hooks";
import { Layout } from "./layout/layout";
import { MeContext } from "./me";
import { match, usePlace, type View } from "./router";
import { ROUTES } from "./routes";
import type { Session, Standing } from "./types";
import { Boundary, ErrorState, Skeleton } from "./ui/states";
import { Missing } from "./views/missing";

/** The page: its frame, and the view of the address. */
export function App({ session, standing }: { session: Session; standing: Standing }) {
  const place = usePlace();
  return (
    <MeContext.Provider value={{ session, standing }}>
      <Layout>
        <Boundary at={place.path}>
          <Current path={place.path} />
        </Boundary>
      </Layout>
    </MeContext.Provider>
  );
}

function Current({ path }: { path: string }) {
  const found = match(ROUTES, path);
  const load = found?.route.load;
  const [loaded, setLoaded] = useState<{ by: typeof load; view: View } | null>(null);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let here = true;
    setError(undefined);
    load?.().then(
      (module) => here && setLoaded({ by: load, view: module.default }),
      (reason: unknown) => here && setError(reason),
    );
    return () => {
      here = false;
    };
  }, [load]);
  if (!found) return <Missing />;
  if (error !== undefined) return <ErrorState error={error} again={() => location.reload()} />;
  if (loaded?.by !== load || !loaded) return <Skeleton lines={6} />;
  const Shown = loaded.view;
  return <Shown params={found.params} />;
}
