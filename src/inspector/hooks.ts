/** How components follow the session, and what they load. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Session } from "./session.js";

/** Renders the component again whenever the session tells something. */
export function useSession(session: Session): void {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  useEffect(() => session.subscribe(() => render(undefined)), [session]);
}

/** Counts up as time goes by: of what the engine does by itself nobody tells. */
export function usePulse(everyMs: number): number {
  const [beats, beat] = useReducer((count: number, _: undefined) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || beat(undefined), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return beats;
}

/** What is on its way, there, or out of reach. While it is asked for again, what was there stays. */
export interface Loaded<T> {
  value: T | undefined;
  error: unknown;
  isLoading: boolean;
}

/** What `load` gives, asked for again when one of `inputs` is another. An answer that comes after that is dropped. */
export function useLoaded<T>(load: () => Promise<T>, inputs: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({ value: undefined, error: undefined, isLoading: true });
  const latest = useRef(0);
  useEffect(() => {
    const asked = ++latest.current;
    const settle = (next: Partial<Loaded<T>>): void => {
      if (asked === latest.current) setState((before) => ({ ...before, error: undefined, ...next, isLoading: false }));
    };
    setState((before) => ({ ...before, isLoading: true }));
    load().then(
      (value) => settle({ value }),
      (error: unknown) => settle({ error }),
    );
    return () => void latest.current++;
  }, inputs);
  return state;
}
