// What is typed need not wait for the WebAssembly either. early.rs takes it over.
{
  const { early } = window;
  early.texts = [];
  const field = document.getElementById("message");
  let isComposing = false;
  for (const kind of ["compositionstart", "input", "compositionend"]) {
    field.addEventListener(kind, () => {
      if (kind !== "input") isComposing = kind === "compositionstart";
      if (!isComposing) early.texts.push(field.value);
    });
  }
  // To take the field away ends a composition, so its end is waited for. But not for long: some keyboards
  // compose every word until the next one.
  early.composed = async () => {
    if (!isComposing) return;
    await new Promise((resolve) => {
      field.addEventListener("compositionend", resolve, { once: true });
      setTimeout(resolve, 2_000);
    });
    if (isComposing) early.texts.push(field.value);
  };
}
