// Rings once after so many milliseconds, unless it is told another number before; less than 0 is never.
let timer;
onmessage = ({ data }) => {
  clearTimeout(timer);
  if (data >= 0) timer = setTimeout(() => postMessage(0), data);
};
