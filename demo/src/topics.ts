/** One colour per topic. The colours themselves are in styles.css, `--topic-0` to `--topic-5`, for light and for dark. */
import { compareNames } from "./compare-names.js";

const known = ["Tide pools", "Marine life", "Vector search", "Retrieval", "Databases", "Your files"];

/** Number of the topic's colour; topics that came from elsewhere share the last. */
export function topicColour(topic: string): number {
  const index = known.indexOf(topic);
  return index < 0 ? known.length - 1 : index;
}

export const topicColours = known.length;

/** Topics in the order of their colours. */
export function compareTopics(a: string, b: string): number {
  return topicColour(a) - topicColour(b) || compareNames(a, b);
}
