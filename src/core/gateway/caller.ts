/**
 * Who calls: an envelope that travels beside every request, never inside it, so that nothing a request holds can pass for it.
 * Whoever sends a request makes it; the guard reads the token.
 */
export interface Caller {
  /** What the gateway rules know the caller by; `null`: none is shown. */
  token: string | null;
  /** Of one connection of one page: no other has it, in whatever tab, before or after a reload. */
  clientId: string;
  /** Of one call: whoever tries the call again uses it again, and no other call of any client has it. */
  requestId: string;
  /** Whether nobody waits for the answer any more. Set where requests arrive: a function cannot be sent. */
  isCancelled?: () => boolean;
  /** What is to be let go of when the session ends over which it came: one set for all of its calls. Set where requests arrive. */
  leaving?: Set<() => void>;
}
