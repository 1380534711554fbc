/** Work that takes long: how far it is, what stops it, and what came of it. It goes on whatever view is open. */

/** A piece of work that is under way. */
export interface Task {
  readonly label: string;
  /** 0–1; `null` where nobody knows how much there is. */
  share: number | null;
  detail: string;
  readonly stop: AbortController;
}

/** What the work is given. */
export interface TaskHandle {
  signal: AbortSignal;
  /** How far it is: so much of so much, and both in words. */
  onProgress(done: number, total: number | null, detail: string): void;
}

export class Tasks {
  readonly list = new Set<Task>();
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  async run<T>(label: string, what: (handle: TaskHandle) => Promise<T>): Promise<T> {
    const task: Task = { label, share: null, detail: "", stop: new AbortController() };
    this.list.add(task);
    this.#onChange();
    const onProgress: TaskHandle["onProgress"] = (done, total, detail) => {
      task.share = total ? Math.min(1, done / total) : null;
      task.detail = detail;
      this.#onChange();
    };
    try {
      return await what({ signal: task.stop.signal, onProgress });
    } finally {
      this.list.delete(task);
      this.#onChange();
    }
  }

  stopAll(): void {
    for (const { stop } of this.list) stop.abort();
  }
}
