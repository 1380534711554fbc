/** What requests to Chroma Cloud have in common. */
import type { RemoteRequest } from "./post.js";

const URL = "https://embed.trychroma.com";

export function chromaCloud(route: string, key: string, model: string, body: object): RemoteRequest {
  const token: Record<string, string> = key === "" ? {} : { "x-chroma-token": key };
  return { url: route === "" ? URL : `${URL}/${route}`, headers: { ...token, "x-chroma-embedding-model": model }, body };
}
