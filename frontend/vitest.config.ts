import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { importSource: "preact" } },
  test: { css: true, environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true },
});
