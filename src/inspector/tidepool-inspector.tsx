/**
 * The element. It owns its shadow root, the session that its views share, and the client that it makes itself where it is given
 * none: that one is closed when the element leaves the page, one that was given stays its owner's.
 */
import { render } from "preact";
import { TidepoolClient } from "../api/client.js";
import { App } from "./app.js";
import { Session } from "./session.js";
import { styleSheets } from "./styles.js";

/** The browser's element; on a server, where there is none, an empty class, so that importing does not fail. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/**
 * `<tidepool-inspector>`: shows, searches, changes and maintains what a Tidepool database holds. A tool for developers; whoever
 * can use it can change everything that the client may change.
 *
 * @example
 * import "tidepool-db/inspector";
 * const inspector = document.createElement("tidepool-inspector");
 * inspector.client = client;
 * document.body.append(inspector);
 */
export class TidepoolInspector extends Base {
  /** Attributes whose changes the browser tells the element of. */
  static readonly observedAttributes: readonly string[] = ["path"];
  #given: TidepoolClient | undefined;
  #session: Session | null = null;

  /** What is inspected. Default: a client of the element's own, for its attribute `path`, or "default". */
  get client(): TidepoolClient | undefined {
    return this.#given;
  }

  set client(client: TidepoolClient | undefined) {
    this.#given = client;
    this.#restart();
  }

  /** The attribute of that name: which database is opened where no `client` is given. */
  get path(): string | null {
    return this.getAttribute("path");
  }

  set path(path: string | null) {
    if (path === null) this.removeAttribute("path");
    else this.setAttribute("path", path);
  }

  /** Called by the browser when the element enters a page. */
  connectedCallback(): void {
    this.#adoptEarly();
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = styleSheets();
    this.#start();
  }

  /** Called by the browser when the element leaves its page. */
  disconnectedCallback(): void {
    this.#stop();
  }

  /** Called by the browser when the attribute `path` changes. */
  attributeChangedCallback(_name: string, before: string | null, after: string | null): void {
    if (before !== after && this.#given === undefined) this.#restart();
  }

  /** What a page has set before the element was defined lies over the accessor. */
  #adoptEarly(): void {
    if (!Object.hasOwn(this, "client")) return;
    const { client } = this;
    delete (this as { client?: TidepoolClient }).client;
    this.#given = client;
  }

  #restart(): void {
    if (this.#session === null) return;
    this.#stop();
    this.#start();
  }

  #start(): void {
    const client = this.#given ?? new TidepoolClient({ path: this.path ?? "default" });
    this.#session = new Session(client, { isOwn: this.#given === undefined });
    render(<App session={this.#session} />, this.shadowRoot!);
  }

  #stop(): void {
    const session = this.#session;
    this.#session = null;
    render(null, this.shadowRoot!);
    void session?.close();
  }
}
