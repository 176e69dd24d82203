// Builds each page into dist/ as its user would ship it: bundled, minified, for production.

import { cp, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const pages = ['partysocket', 'vueuse'];

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: pages.map((page) => `${page}/main.js`),
  outdir: 'dist',
  outbase: '.',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2020',
  define: {
    'process.env.NODE_ENV': '"production"',
    // What a build without options, devtools and server rendering leaves out of Vue.
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
});
for (const page of pages) await cp(`${page}/index.html`, `dist/${page}/index.html`);
