/** A gateway that counts operations as Chroma's log does, each record as one; for tests, never shipped. */

type Gateway = (request: Request) => Promise<Response>;

/** `more`: by how many all collections' records outnumbered writes before. What is written past it counts as one record a write. */
export function countingRecords(gateway: Gateway, more = 0): { gateway: Gateway; more(): number } {
  const counting: Gateway = async (request) => {
    const path = new URL(request.url).pathname.split("/").at(-1)!;
    const body: { ids?: string[] } = /^(add|update|upsert)$/.test(path) ? await request.clone().json() : {};
    const response = await gateway(request);
    if (!response.ok) return response;
    if (path === "indexing_status") {
      const { counts: _, ...status } = await response.json();
      return Response.json({ ...status, total_ops: status.total_ops + more });
    }
    const written = body.ids?.length ?? (await numberIn(path, response));
    more += Math.max(written, 1) - 1;
    return response;
  };
  return { gateway: counting, more: () => more };
}

async function numberIn(path: string, response: Response): Promise<number> {
  if (path !== "delete" && path !== "commit") return 0;
  const { deleted, record_count } = await response.clone().json();
  return deleted ?? record_count;
}
