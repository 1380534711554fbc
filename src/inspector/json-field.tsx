/** A field for JSON that says what is wrong beside itself, and leads to the place. */
import { useId, useRef } from "preact/hooks";
import { parseJson } from "./json-text.js";

interface JsonFieldProps {
  label: string;
  text: string;
  onText: (text: string) => void;
  rows?: number;
  placeholder?: string;
  /** What the engine says of it, where it is JSON. */
  complaint?: string | undefined;
  isReadOnly?: boolean;
  hint?: string;
}

export function JsonField({ label, text, onText, rows = 3, placeholder, complaint, isReadOnly, hint }: JsonFieldProps) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const { fault } = parseJson(text);
  const message = fault?.message ?? complaint;
  const lead = (): void => {
    area.current!.focus();
    const at = fault?.at ?? 0;
    area.current!.setSelectionRange(at, at + 1);
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        ref={area}
        class="code"
        rows={rows}
        spellcheck={false}
        autocapitalize="off"
        placeholder={placeholder}
        value={text}
        readOnly={isReadOnly}
        aria-invalid={message !== undefined}
        aria-describedby={`${id}-note`}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      <p id={`${id}-note`} class={message === undefined ? "hint" : "fault"} role={message === undefined ? undefined : "alert"}>
        {message ?? hint}
        {fault !== null && (
          <button type="button" class="link" onClick={lead}>
            Go there
          </button>
        )}
      </p>
    </div>
  );
}
