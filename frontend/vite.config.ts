import { defineConfig, type Plugin } from "vite";

/**
 * Keep marked's Lexer and drop its default instance, which holds the HTML renderer: 3 kB of gzip, and code
 * that this app must never call. marked is pinned exactly; another build of it fails here, loudly.
 */
const lexerOnly: Plugin = {
  name: "lexer-only",
  transform(code, id) {
    if (!id.endsWith("/marked/lib/marked.esm.js")) return null;
    const [, lexer] = /([\w$]+) as Lexer\b/.exec(code) ?? [];
    const instance = /var [\w$]+=new [\w$]+;function [\w$]+\([\w$]+,[\w$]+\)\{return [\w$]+\.parse\(/.exec(
      code,
    );
    if (lexer === undefined || instance === null)
      throw new Error("marked has another shape: see vite.config.ts");
    return { code: `${code.slice(0, instance.index)}export{${lexer} as Lexer};`, map: null };
  },
};

// Flask reads dist/.vite/manifest.json and writes the pages itself: no index.html, nothing inline.
export default defineConfig({
  plugins: [lexerOnly],
  oxc: { jsx: { importSource: "preact" } },
  build: {
    outDir: "dist",
    assetsDir: "assets",
    manifest: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { main: "src/main.tsx", launch: "src/launch.ts", selftest: "src/selftest/selftest.ts" },
    },
  },
});
