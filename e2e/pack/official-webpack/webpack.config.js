import { fileURLToPath } from "node:url";
import webpack from "webpack";

// An alias does not do here: webpack takes "node:" for a scheme before it looks at aliases.
const nodeProcess = fileURLToPath(new URL("./node-process.js", import.meta.url));

export default {
  plugins: [new webpack.NormalModuleReplacementPlugin(/^node:process$/, nodeProcess)],
};
