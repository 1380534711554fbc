import { afterEach, describe, expect, test, vi } from "vitest";
import { TestLocks } from "../testing/locks.js";
import { Broker } from "./broker.js";

const opened: MessagePort[] = [];
afterEach(() => {
  for (const port of opened.splice(0)) port.close();
});

function channel(): MessageChannel {
  const made = new MessageChannel();
  opened.push(made.port1, made.port2);
  return made;
}

/** A page's end of its connection, and the ports that it was brought. */
function connect(broker: Broker): { page: MessagePort; brought: { host: string; port: MessagePort }[] } {
  const { port1, port2 } = channel();
  const brought: { host: string; port: MessagePort }[] = [];
  port1.addEventListener("message", ({ data, ports }: MessageEvent<{ host: string }>) => {
    opened.push(ports[0]!);
    brought.push({ host: data.host, port: ports[0]! });
  });
  port1.start();
  broker.connect(port2);
  return { page: port1, brought };
}

describe("the broker", () => {
  test("brings a port to the page that has the holder, also when that page comes later", async () => {
    const locks = new TestLocks();
    for (const name of ["h", "another"]) void locks.request(name, () => new Promise(() => {}));
    const broker = new Broker(locks);
    const [guest, holder, other] = [connect(broker), connect(broker), connect(broker)];
    const early = channel();
    guest.page.postMessage({ type: "reach", host: "h" }, [early.port2]);
    other.page.postMessage({ type: "offer", host: "another" });
    holder.page.postMessage({ type: "offer", host: "h" });
    await vi.waitUntil(() => holder.brought.length === 1);
    const late = channel();
    guest.page.postMessage({ type: "reach", host: "h" }, [late.port2]);
    await vi.waitUntil(() => holder.brought.length === 2);
    const heard = new Promise((resolve) => early.port1.addEventListener("message", ({ data }) => resolve(data)));
    early.port1.start();
    holder.brought[0]!.port.postMessage("hello");
    expect(await heard).toBe("hello");
    expect([holder.brought.map(({ host }) => host), other.brought]).toEqual([["h", "h"], []]);
  });

  test("forgets a holder that has ended", async () => {
    const locks = new TestLocks();
    const broker = new Broker(locks);
    void locks.request("h", () => new Promise(() => {}));
    const [guest, old, next] = [connect(broker), connect(broker), connect(broker)];
    const wanted = locks.wanted("h");
    old.page.postMessage({ type: "offer", host: "h" });
    await wanted;
    locks.die("h");
    await vi.waitUntil(async () => (await locks.query()).held!.length === 0);
    guest.page.postMessage({ type: "reach", host: "h" }, [channel().port2]);
    next.page.postMessage({ type: "offer", host: "h" });
    await vi.waitUntil(() => next.brought.length === 1);
    expect(old.brought).toEqual([]);
  });

  test("passes over what is no request", async () => {
    const locks = new TestLocks();
    void locks.request("h", () => new Promise(() => {}));
    const broker = new Broker(locks);
    const [hostile, holder] = [connect(broker), connect(broker)];
    const nonsense = [null, 1, "offer", {}, { type: "offer" }, { type: "offer", host: "" }, { type: "reach", host: "h" }, { host: "h" }];
    for (const message of nonsense) hostile.page.postMessage(message);
    holder.page.postMessage({ type: "offer", host: "h" });
    hostile.page.postMessage({ type: "reach", host: "h" }, [channel().port2]);
    await vi.waitUntil(() => holder.brought.length === 1);
  });
});
