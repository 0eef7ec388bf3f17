// A button at each password that shows it. Pages work without: it only adds.
for (const field of document.querySelectorAll("input[type=password][data-show]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show";
  button.textContent = field.dataset.show;
  button.setAttribute("aria-controls", field.id);
  const show = (isShown) => {
    field.type = isShown ? "text" : "password";
    // The name stays as it is: whether it is shown is the button's state, and read out as such.
    button.setAttribute("aria-pressed", String(isShown));
  };
  show(false);
  button.addEventListener("click", () => show(field.type === "password"));
  // A password is never sent as a text that the browser would remember.
  field.form.addEventListener("submit", () => show(false));
  // Whoever comes back to the page finds it hidden.
  addEventListener("pagehide", () => show(false));
  field.after(button);
}
