// Made by wasm-bindgen, before the pages are built.
import start from './target/page/page.js';

start();
