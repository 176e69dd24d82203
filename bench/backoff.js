// Heartwire's delays, for the clients that let a page choose: full jitter under a ceiling that doubles.

import { retryMax, retryMin } from './settings.js';

// The delay before the attempt of this number, counted from 1.
export function delay(attempt) {
  return Math.random() * Math.min(retryMax, retryMin * 2 ** (attempt - 1));
}
