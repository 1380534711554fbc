/** `verify`: reads everything, and compares it with its checksums. */
import { EXIT, Failure, UsageError } from "./cli-error.js";
import { type Command, type CommandContext, isGiven } from "./command.js";
import { kindOf, openSource } from "./open-source.js";

export const verify: Command = {
  args: ["source"],
  summary: "compare everything that is stored with its checksums",
  options: { deep: { type: "boolean", help: "compare each index with the records, too; takes several times as long" } },
  notes: `Exit code ${EXIT.failed} where something is damaged. Nothing is changed.`,
  run: runVerify,
};

async function runVerify(context: CommandContext): Promise<void> {
  if (kindOf(context.args[0]!) === "server") throw new UsageError(`${context.args[0]} is a server, which tells nothing of its files`);
  const { client, kind } = await openSource(context, context.args[0]!);
  const onProgress = ({ share }: { share: number }): void => context.progress(`${Math.floor(100 * share)} % verified`);
  const report = await client.verify({ deep: isGiven(context, "deep"), signal: context.signal, onProgress });
  const findings = [...report.findings, ...report.collections.flatMap(({ findings }) => findings)];
  const lines = findings.map(({ kind, place, message }) => `${kind} ${place}: ${message}`);
  const counted = `${report.collections.length} collections, ${report.rows} rows of the catalog`;
  lines.push(
    report.isSound ? `${context.args[0]} is sound: ${counted}` : `${context.args[0]} is damaged: ${findings.length} findings, ${counted}`,
  );
  context.print(lines.join("\n"), { source: kind, ...report });
  if (!report.isSound) throw new Failure();
}
