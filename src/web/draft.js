// What is typed need not wait for the WebAssembly either. early.rs takes it over.
{
  window.early.texts = [];
  const field = document.getElementById("message");
  let isComposing = false;
  for (const kind of ["compositionstart", "input", "compositionend"]) {
    field.addEventListener(kind, () => {
      if (kind !== "input") isComposing = kind === "compositionstart";
      if (!isComposing) window.early.texts.push(field.value);
    });
  }
  // To take the field away would end a composition.
  window.early.composed = () => new Promise((resolve) => {
    if (isComposing) field.addEventListener("compositionend", resolve, { once: true });
    else resolve();
  });
}
