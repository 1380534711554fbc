/** Answers what the program asks of Chroma's server from a database in this browser, and runs it. */
import { TidepoolClient } from "tidepool-db";
import { installFetch } from "tidepool-db/rest";
import { main } from "./program.js";

const output = document.getElementById("output");
const print = (line) => output.append(`${line}\n`);

installFetch(new TidepoolClient({ path: "films" }));
await main(print);
print("done");
