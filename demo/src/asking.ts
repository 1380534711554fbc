/** What asks and answers, with its styles: loaded with the first question. */
import "../results.css";

export { FilterPanel } from "./filter-panel.js";
export { ResultLists } from "./result-lists.js";
export { search } from "./search.js";
