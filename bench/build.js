// Builds each page into dist/ as its user would ship it: bundled, minified, for production.

import { cp, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const modules = ['partysocket', 'react', 'stompjs', 'vueuse', 'yew-hooks'];
const scripts = ['plain', 'vue2'];
const entries = (pages) => pages.map((page) => `${page}/main.js`);
const common = {
  outdir: 'dist',
  outbase: '.',
  bundle: true,
  minify: true,
  define: {
    'process.env.NODE_ENV': '"production"',
    // What a build without options, devtools and server rendering leaves out of Vue.
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
};

await rm('dist', { recursive: true, force: true });
await build({ ...common, entryPoints: entries(modules), format: 'esm', target: 'es2022' });
await build({ ...common, entryPoints: entries(scripts), format: 'iife', target: 'es2020' });
for (const page of [...modules, ...scripts]) {
  await cp(`${page}/index.html`, `dist/${page}/index.html`);
}
// The file that `vue@2` stands for at a CDN.
await cp('node_modules/vue2/dist/vue.min.js', 'dist/vue2/vue.min.js');
await cp('yew-hooks/target/page/page_bg.wasm', 'dist/yew-hooks/page_bg.wasm');
