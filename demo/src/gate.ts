/** Lets work pass, but for the time that it is paused by its button, which is there while there is work. */
export class Gate {
  readonly #button: HTMLButtonElement;
  #passed: Promise<void> = Promise.resolve();
  #letPass: (() => void) | null = null;

  constructor(button: HTMLButtonElement) {
    this.#button = button;
    button.addEventListener("click", () => (this.#letPass ? this.#open() : this.#close()));
  }

  /** Resolves when work may go on. */
  get passed(): Promise<void> {
    return this.#passed;
  }

  show(): void {
    this.#button.hidden = false;
  }

  /** Lets everything pass that waits. */
  hide(): void {
    this.#open();
    this.#button.hidden = true;
  }

  #open(): void {
    this.#letPass?.();
    this.#letPass = null;
    this.#button.textContent = "Pause";
  }

  #close(): void {
    this.#passed = new Promise((resolve) => (this.#letPass = resolve));
    this.#button.textContent = "Go on";
  }
}
