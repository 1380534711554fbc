/** What `client.on` tells of, by the name of the event. */
import type { Change, QuotaEvent } from "../core/events.js";
import type { TidepoolWarning } from "../core/service.js";

export type { ChangeKind, QuotaEvent } from "../core/events.js";

/** A collection of the client's database was changed, by this client or any other. It is durable and visible by then. */
export interface ChangeEvent extends Change {
  /** Whether it was this client that changed it. */
  own: boolean;
}

/** Whether the engine runs in a worker of this page, frame or worker ("holder"), or in that of another context ("follower"). */
export type Role = "holder" | "follower";

/** The client has got its way to the engine, or another one: the one before has closed, crashed or fallen silent. */
export interface LeaseEvent {
  /** What this client is now. */
  role: Role;
}

/** The events of a client. */
export interface ClientEvents {
  /** Another context runs the engine now, or this one does. */
  lease: LeaseEvent;
  /** Something went wrong without loss, such as a damaged graph that is built anew. */
  warning: TidepoolWarning;
  /** The space that the browser grants runs short. */
  quota: QuotaEvent;
  /** Records, or a collection itself, of the client's tenant and database were changed. */
  change: ChangeEvent;
}
