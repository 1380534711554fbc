/** The entry `tidepool-db/telemetry`: what a client's calls do, as OpenTelemetry's spans and in the browser's own timeline. */
export { markCalls } from "./telemetry/mark-calls.js";
export { type CallSpan, type CallTracer, type TraceCallsOptions, traceCalls } from "./telemetry/trace-calls.js";
