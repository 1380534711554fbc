/** What queries find whose searches several threads share. */

import type { CommonSearch } from "../core/index/vector/vector-kernel.js";
import { answerOf, type SharedAnswers } from "./shared-task.js";
import type { SharedWork } from "./shared-work.js";

export function searchTogether(work: SharedWork, answers: SharedAnswers, itemOf: (query: number) => number): CommonSearch {
  return {
    async found(query) {
      await work.done(itemOf(query), true);
      return answerOf(answers, query);
    },
    end: () => work.end(),
  };
}
