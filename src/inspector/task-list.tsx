/** What is under way, with its progress and a way to stop it. */
import type { Task, Tasks } from "./tasks.js";

export function TaskList({ tasks }: { tasks: Tasks }) {
  return (
    <>
      {[...tasks.list].map((task) => (
        <TaskItem key={task.label} task={task} />
      ))}
    </>
  );
}

function TaskItem({ task }: { task: Task }) {
  const { label, share, detail, stop } = task;
  return (
    <div class="task">
      <div>
        <strong>{label}</strong> <span>{detail}</span>
        <progress aria-label={label} max={1} value={share ?? undefined} />
      </div>
      <button type="button" onClick={() => stop.abort()}>
        Stop
      </button>
    </div>
  );
}
