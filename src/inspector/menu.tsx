/** What opens below a button and closes when somebody goes elsewhere; and pages that scroll. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface MenuProps {
  label: ComponentChildren;
  children: ComponentChildren;
  /** Beside "menu", in the style sheet. */
  kind?: string;
}

export function Menu({ label, children, kind = "" }: MenuProps) {
  const element = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const leave = ({ target }: Event): void => {
      if (!element.current!.contains(target as Node)) element.current!.open = false;
    };
    const root = element.current!.getRootNode();
    for (const type of ["pointerdown", "focusin"]) root.addEventListener(type, leave);
    return () => {
      for (const type of ["pointerdown", "focusin"]) root.removeEventListener(type, leave);
    };
  }, []);
  const close = ({ key }: KeyboardEvent): void => {
    if (key !== "Escape") return;
    element.current!.open = false;
    element.current!.querySelector("summary")!.focus();
  };
  return (
    <details class={`menu ${kind}`} ref={element} onKeyDown={close}>
      <summary>{label}</summary>
      {children}
    </details>
  );
}

/** A view that scrolls as a whole: it can be reached by keyboard, as what scrolls must be. */
export function ScrollingPage({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="page" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
