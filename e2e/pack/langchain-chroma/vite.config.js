/** LangChain's class imports Chroma's client where it is given none. */
export default { build: { rolldownOptions: { external: ["chromadb"] } } };
