/**
 * What a page's main thread did while something happened: its tasks, and which functions and which work of the browser's took their time.
 * Chromium's trace tells, which is what DevTools shows under "Performance".
 */
import type { CDPSession } from "playwright";

/** What the browser calls long. */
export const longTaskMs = 50;

export interface PageTask {
  /** On a processor, where the trace tells that: what else the machine does shall not count. */
  ms: number;
  /** What took the most of it, with its milliseconds: functions by themselves, and the browser's own work. */
  parts: { name: string; ms: number }[];
}

/** An event of a trace: times in microseconds. */
interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  tdur?: number;
  id?: string;
  args?: { data?: TraceData; name?: string };
}

interface TraceData {
  message?: string;
  frames?: { url: string; processId?: number }[];
  startTime?: number;
  cpuProfile?: { nodes?: ProfileNode[]; samples?: number[] };
  timeDeltas?: number[];
}

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url?: string; lineNumber?: number };
}

interface Sample {
  ts: number;
  us: number;
  name: string;
}

const categories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "disabled-by-default-v8.cpu_profiler", "toplevel"];
/** The browser's own work that is worth a name. */
const ownWork =
  /^(?:Layout|UpdateLayoutTree|Paint|PrePaint|Layerize|Commit|Parse\w+|MinorGC|MajorGC|V8\.GC.*|v8\.compile\w*|HitTest|DecodeImage)$/;
const partsShown = 4;
/** What stands in the trace where `body` begins. */
const beginning = "the page's tasks count from here";

/** Traces what happens during `body`, and gives the tasks of the page's main thread, longest first. */
export async function tasksDuring(session: CDPSession, url: string, body: () => Promise<void>): Promise<PageTask[]> {
  const events: TraceEvent[] = [];
  const collect = ({ value }: { value: object[] }): void => {
    for (const event of value) events.push(event as TraceEvent);
  };
  session.on("Tracing.dataCollected", collect);
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { recordMode: "recordUntilFull", traceBufferSizeInKb: 400_000, includedCategories: categories },
  });
  // The profiler of functions starts with the first function that is called, and holds the page meanwhile.
  await session.send("Runtime.evaluate", { expression: `console.timeStamp(${JSON.stringify(beginning)})` });
  await body();
  const complete = new Promise<void>((resolve) => session.once("Tracing.tracingComplete", () => resolve()));
  await session.send("Tracing.end");
  await complete;
  session.off("Tracing.dataCollected", collect);
  return tasksOf(events, url);
}

function tasksOf(events: readonly TraceEvent[], url: string): PageTask[] {
  const process = processOf(events, url);
  const thread = events.find(({ pid, name, args }) => pid === process && name === "thread_name" && args?.name === "CrRendererMain")?.tid;
  const own = events.filter(({ pid, tid, dur }) => pid === process && tid === thread && dur !== undefined);
  const profiles = new Set(
    events.flatMap(({ name, pid, tid, id }) => (name === "Profile" && pid === process && tid === thread ? [id] : [])),
  );
  const samples = samplesOf(events.filter(({ pid, id }) => pid === process && profiles.has(id)));
  const named = own.filter(({ name }) => name === "RunTask");
  const tasks = named.length > 0 ? named : own.filter(({ name }) => name.endsWith("::RunTask"));
  const start = events.find(({ name, args }) => name === "TimeStamp" && args?.data?.message === beginning)?.ts ?? 0;
  return tasks
    .filter(({ ts }) => ts > start)
    .map((task) => taskOf(task, own, samples))
    .sort((a, b) => b.ms - a.ms);
}

function taskOf(task: TraceEvent, own: readonly TraceEvent[], samples: readonly Sample[]): PageTask {
  const ms = (task.tdur ?? task.dur!) / 1000;
  return { ms, parts: ms > longTaskMs ? partsOf(task, own, samples) : [] };
}

/** The process that shows the page: the last that did, since a page may come into another one. */
function processOf(events: readonly TraceEvent[], url: string): number {
  const pids = events.flatMap(({ name, pid, args }) => {
    const frames = args?.data?.frames ?? [];
    const own = frames.filter((frame) => frame.url.startsWith(url)).map(({ processId }) => processId ?? pid);
    return name === "TracingStartedInBrowser" ? own : [];
  });
  const pid = pids.at(-1);
  if (pid === undefined) throw new Error(`the trace names no process that shows ${url}`);
  return pid;
}

function isWithin(inner: TraceEvent, outer: TraceEvent): boolean {
  return inner.ts >= outer.ts && inner.ts + inner.dur! <= outer.ts + outer.dur!;
}

/** The profiler's samples of JavaScript, in the order of time. */
function samplesOf(events: readonly TraceEvent[]): Sample[] {
  const names = new Map<string, string>();
  const times = new Map<string, number>();
  const samples: Sample[] = [];
  for (const { name, id = "", args, ts } of events) {
    if (name === "Profile") times.set(id, args?.data?.startTime ?? ts);
    if (name !== "ProfileChunk") continue;
    const { cpuProfile, timeDeltas = [] } = args?.data ?? {};
    for (const node of cpuProfile?.nodes ?? []) names.set(`${id} ${node.id}`, nameOf(node));
    let at = times.get(id) ?? ts;
    cpuProfile?.samples?.forEach((node, index) => {
      const us = timeDeltas[index] ?? 0;
      at += us;
      samples.push({ ts: at, us, name: names.get(`${id} ${node}`) ?? "" });
    });
    times.set(id, at);
  }
  return samples;
}

function nameOf({ callFrame: { functionName, url = "", lineNumber } }: ProfileNode): string {
  const file = url.slice(url.lastIndexOf("/") + 1);
  return file === "" ? functionName : `${functionName || "anonymous"} (${file}:${(lineNumber ?? 0) + 1})`;
}

function partsOf(task: TraceEvent, events: readonly TraceEvent[], samples: readonly Sample[]): PageTask["parts"] {
  const sums = new Map<string, number>();
  const add = (name: string, us: number): void => void sums.set(name, (sums.get(name) ?? 0) + us / 1000);
  for (const event of events) if (ownWork.test(event.name) && isWithin(event, task)) add(event.name, event.tdur ?? event.dur!);
  for (const { ts, us, name } of samples) {
    if (ts < task.ts || ts > task.ts + task.dur! || /^\((?:idle|root|program)\)$|^$/.test(name)) continue;
    // The profiler's clock goes on while the processor does something else.
    add(name, us * ((task.tdur ?? task.dur!) / task.dur!));
  }
  return [...sums]
    .map(([name, ms]) => ({ name, ms }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, partsShown);
}
