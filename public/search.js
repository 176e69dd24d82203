// A worker that looks for a regular expression in texts: some expressions find no end. It says null when it is
// there, and answers with the indices of the texts in which it is, or with what is wrong with it.
onmessage = ({ data: [source, flags, texts] }) => {
  try {
    // With these two each search would begin where the last one ended.
    const expression = new RegExp(source, flags.replace(/[gy]/g, ""));
    postMessage(texts.flatMap((text, index) => (expression.test(text) ? [index] : [])));
  } catch (error) {
    postMessage(error.message);
  }
};
postMessage(null);
