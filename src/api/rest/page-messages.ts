/**
 * What a service worker and the pages say to each other: a request comes with a port; a page that will answer says so
 * through it, is told to go on if it was in time, and then sends the answer.
 */
export const REQUEST = "tidepool:request";

export interface RequestMessage {
  type: typeof REQUEST;
  method: string;
  url: string;
  headers: [name: string, value: string][];
  body: ArrayBuffer | null;
}

export interface ResponseMessage {
  status: number;
  headers: [name: string, value: string][];
  body: ArrayBuffer;
}

export type Reply = { type: "accepted" } | { type: "answered"; response: ResponseMessage };
