/**
 * Runs inside the engine's worker beside the engine: sends itself one message after the other, and knows the longest time that one
 * was under way. So long a short call would have waited.
 */
import { TURN_CHANNEL, type TurnWatchMessage } from "./turn-channel.js";

const { port1, port2 } = new MessageChannel();
const page = new BroadcastChannel(TURN_CHANNEL);
let longestMs = 0;
let sentAt = performance.now();
let isWatching = true;

function send(): void {
  sentAt = performance.now();
  port2.postMessage(null);
}

port1.onmessage = () => {
  longestMs = Math.max(longestMs, performance.now() - sentAt);
  if (isWatching) send();
};

page.onmessage = ({ data }: MessageEvent<TurnWatchMessage>) => {
  if (data === "begin") {
    longestMs = 0;
    if (!isWatching) send();
    isWatching = true;
  } else if (data === "end") {
    isWatching = false;
    page.postMessage({ longestMs });
  }
};

// What is opened is watched from the worker's first moment on.
send();
