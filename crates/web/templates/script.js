// Adds a button to each password field that shows the password. Pages work without it.
for (const field of document.querySelectorAll("input[type=password][data-show]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show";
  button.setAttribute("aria-controls", field.id);
  const show = (isShown) => {
    field.type = isShown ? "text" : "password";
    // The label names what the button does next, so there is no aria-pressed.
    button.textContent = isShown ? field.dataset.hide : field.dataset.show;
  };
  show(false);
  button.addEventListener("click", () => show(field.type === "password"));
  // Hidden before it is sent, so that the browser does not remember it as text.
  field.form.addEventListener("submit", () => show(false));
  // Hidden again if the user returns to the page.
  addEventListener("pagehide", () => show(false));
  field.after(button);
}
