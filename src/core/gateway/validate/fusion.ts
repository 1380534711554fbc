/** What the arguments of a hybrid search may look like, beside those that other reads have too. Page and gateway run the same checks. */
import { invalidArgument, show } from "../../errors.js";
import type { HybridBranch, HybridRequest } from "../../service.js";
import { validateObject } from "./values.js";

const BRANCHES: readonly HybridBranch[] = ["text", "dense", "sparse"];

/** Throws unless the weights and cut-offs of a hybrid search are as they may be. */
export function validateHybrid(cuts: Pick<HybridRequest, "weights" | "maxDistance" | "minSparseScore" | "minScore">): void {
  const { weights, maxDistance, minSparseScore, minScore } = cuts;
  if (weights !== undefined) validateWeights(weights);
  for (const [name, value] of Object.entries({ maxDistance, minSparseScore }))
    if (value !== undefined && !Number.isFinite(value)) throw invalidArgument(`${name} must be a finite number, got ${show(value)}`);
  if (minScore !== undefined && !(typeof minScore === "number" && minScore >= 0 && minScore <= 1))
    throw invalidArgument(`minScore must be a number from 0 to 1, got ${show(minScore)}`);
}

function validateWeights(weights: object): void {
  validateObject(weights, "weights");
  for (const [branch, weight] of Object.entries(weights)) {
    if (!(BRANCHES as readonly string[]).includes(branch))
      throw invalidArgument(`weights has the field ${show(branch)}; it takes ${BRANCHES.join(", ")}`);
    if (weight !== undefined && !(Number.isFinite(weight) && weight >= 0))
      throw invalidArgument(`weights.${branch} must be a finite number of at least 0, got ${show(weight)}`);
  }
}
