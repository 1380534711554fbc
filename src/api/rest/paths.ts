/** The paths of Chroma's REST v2, as the gateway answers them and a remote client asks for them. */
export const API = "/api/v2";
export const TENANT = `${API}/tenants/{tenant}`;
export const DATABASE = `${TENANT}/databases/{database}`;
export const COLLECTION = `${DATABASE}/collections/{collection_id}`;
